package security

import (
	"os"
	"strings"
	"testing"
	"time"
)

// The broker drops clients that do not log in again in time (KIP-368), and
// tokens expire. The programs renew both at work, without losing a connection.
func TestLoginsAreRenewed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config func(*person) string
	}{
		{"oauthbearer", func(p *person) string { return p.byToken(admin, audience) }},
		{"scram", func(p *person) string { return p.byPassword("SCRAM-SHA-512", admin) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPerson(t, "-renewed-"+tt.name)
			t.Parallel()
			p.configure(tt.config(p))
			p.createTopics()
			processor, analytics := p.start("processor", "run"), p.start("analytics", "run")
			p.must("producer", "generate", "--rate", "50", "--count", "1000") // for several lifetimes of a login
			for deadline := time.Now().Add(patience); p.events() != "1000"; time.Sleep(200 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%s of 1000 events are stored", p.events())
				}
			}
			for _, program := range []string{processor.LogFile, analytics.LogFile} {
				log, err := os.ReadFile(program)
				if err != nil || strings.Contains(string(log), " WARN ") || strings.Contains(string(log), " ERROR ") {
					t.Errorf("%v\n%s", err, log)
				}
			}
		})
	}
}
