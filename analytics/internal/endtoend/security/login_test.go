package security

import (
	"strconv"
	"strings"
	"testing"
)

// Each way to get in serves the whole pipeline, and `check` says which it was.
func TestPipelineByEachLogin(t *testing.T) {
	for _, tt := range []struct {
		name, login string
		config      func(*person) string
	}{
		{"plaintext", "none", func(p *person) string { return "bootstrap.servers=" + p.kafka.Bootstrap() }},
		{"mutual-tls", "CN=admin by certificate", func(p *person) string { return p.byCertificate(admin) }},
		{"plain", "admin by PLAIN", func(p *person) string { return p.byPassword("PLAIN", admin) }},
		{"plain-java", "admin by PLAIN", javaConfig},
		{"scram", "admin by SCRAM-SHA-512", func(p *person) string { return p.byPassword("SCRAM-SHA-512", admin) }},
		{"oauthbearer", "by OAUTHBEARER", func(p *person) string { return p.byToken(admin, audience) }},
		{"api-key", "admin by PLAIN", apiKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPerson(t, "-"+tt.name)
			p.configure(tt.config(p))
			p.createTopics()
			for _, program := range programs {
				report := p.must(program, "check")
				for _, want := range []string{"\nlogin       " + tt.login + "\n", "\nclock       in step with the cluster, ±",
					"\nversion     Kafka v4.3", "\nOK\n"} {
					if !strings.Contains(report, want) {
						t.Errorf("%s check does not say %q:\n%s", program, want, report)
					}
				}
			}
			p.pipeline(30)
		})
	}
}

// pipeline publishes, processes and stores, and counts.
func (p *person) pipeline(events int) {
	p.t.Helper()
	p.must("producer", "generate", "--count", strconv.Itoa(events))
	p.must("processor", "run", "--drain")
	p.must("analytics", "run", "--drain")
	if got := p.events(); got != strconv.Itoa(events) {
		p.t.Errorf("%s events were stored, want %d", got, events)
	}
}

// Help, status and failures do not show what the settings hold, wherever they
// come from; [person.wait] looks for it in all that a program says.
func TestSecretsDoNotShow(t *testing.T) {
	p := newPerson(t, "")
	p.configure(javaConfig(p))
	for _, variable := range []string{"SASL_PASSWORD", "SASL_JAAS_CONFIG", "SSL_KEY_PASSWORD", "SSL_KEY_PEM",
		"SASL_OAUTHBEARER_CLIENT_SECRET", "API_SECRET"} {
		p.environment = append(p.environment, "KAFKA_"+variable+"="+password(variable))
	}
	p.environment = append(p.environment, "KAFKA_API_KEY="+admin)
	for _, program := range programs {
		p.must(program, "--help")
		p.must(program, "check", "--help")
		if o := p.run(program, "check"); o.code == 0 {
			t.Errorf("%s check took a JAAS configuration that is none", program)
		}
	}
	p.must("processor", "run", "--help")
	p.must("producer", "import", "--help")
	p.must("analytics", "run", "--help")
	p.run("analytics", "status")
}
