package security

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Other clients, with the same client.properties, produce what the processor
// accepts, and read what it writes.
func TestOtherClients(t *testing.T) {
	p := newPerson(t, "-others")
	// by SCRAM, Kafka 4 refuses librdkafka before 2.6.1 (confluentinc/librdkafka#4895)
	p.configure(p.byPassword("PLAIN", admin))
	p.createTopics()

	p.kcat(purchases("kcat", 20), "-P", "-t", "purchases-others", "-K", "\t")
	p.python("produce", "purchases-others", values(purchases("python", 20)))
	p.python("commit", "purchases-others", values(purchases("committed", 20)))
	p.python("abort", "purchases-others", values(purchases("aborted", 20)))
	want := slices.Sorted(slices.Values(slices.Concat(ids("kcat", 20), ids("python", 20), ids("committed", 20))))

	p.must("processor", "run", "--drain")
	byKcat := p.kcat("", "-C", "-t", "analytics-others", "-e", "-q", "-X", "isolation.level=read_committed")
	byPython := p.python("consume", "analytics-others", "")
	for name, read := range map[string]string{"kcat": byKcat, "confluent-kafka": byPython} {
		if got := eventIDs(t, read); !slices.Equal(got, want) {
			t.Errorf("%s read %d events, want %d: %v", name, len(got), len(want), got)
		}
	}
	p.must("analytics", "run", "--drain")
	if got := p.events(); got != fmt.Sprint(len(want)) {
		t.Errorf("%s events are stored, want %d", got, len(want))
	}
}

// ids are the event ids of a writer.
func ids(writer string, count int) (ids []string) {
	for n := range count {
		ids = append(ids, fmt.Sprintf("%s-%02d", writer, n))
	}
	return ids
}

// purchases are lines of a key, a tab and a purchase.
func purchases(writer string, count int) string {
	var lines strings.Builder
	for n, id := range ids(writer, count) {
		user := fmt.Sprintf("user-%d", n%7)
		fmt.Fprintf(&lines, "%s\t{\"event_id\":%q,\"user\":%q,\"item\":\"tea\",\"timestamp\":\"2026-01-31T12:00:%02dZ\",\"quantity\":1,\"unit_price\":\"1.25\",\"currency\":\"EUR\"}\n",
			user, id, user, n)
	}
	return lines.String()
}

// values are the lines without their keys.
func values(lines string) string {
	var out strings.Builder
	for line := range strings.Lines(lines) {
		_, value, _ := strings.Cut(line, "\t")
		out.WriteString(value)
	}
	return out.String()
}

func eventIDs(t *testing.T, lines string) (ids []string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var event struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		ids = append(ids, event.EventID)
	}
	slices.Sort(ids)
	return ids
}

// kcat runs it with the person's client.properties.
func (p *person) kcat(input string, args ...string) string {
	p.t.Helper()
	return p.other(input, "kcat", append([]string{"-F", p.properties()}, args...)...)
}

// python runs testdata/confluent.py. The system's Python, which has Debian's
// package, may not be the first in the path.
func (p *person) python(command, topic, input string) string {
	p.t.Helper()
	script, err := filepath.Abs("testdata/confluent.py")
	if err != nil {
		p.t.Fatal(err)
	}
	return p.other(input, "/usr/bin/python3", script, command, p.properties(), topic)
}

// other runs a program that is not ours, which has to succeed.
func (p *person) other(input, program string, args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if _, err := exec.LookPath(program); err != nil {
		p.t.Fatalf("%v: install what this test compares with, such as by apt-get install kcat python3-confluent-kafka", err)
	}
	c := exec.CommandContext(ctx, program, args...)
	c.Stdin = strings.NewReader(input)
	o := p.wait(c)
	if o.code != 0 {
		p.t.Fatalf("%s %v: exit %d\n%s%s", program, args, o.code, o.stdout, o.stderr)
	}
	return o.stdout
}
