package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"purchases/analytics/internal/testkit/audit"
	"purchases/analytics/internal/testkit/cluster"
	"purchases/analytics/internal/testkit/process"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// shop is a folder, a configuration and three topics of a test's own.
type shop struct {
	*suite
	t       *testing.T
	brokers *cluster.Cluster
	dir     string
	suffix  string
	logs    int
}

func newShop(t *testing.T, s *suite, brokers *cluster.Cluster) *shop {
	test, kind, _ := strings.Cut(strings.TrimPrefix(t.Name(), "Test"), "/")
	shop := &shop{suite: s, t: t, brokers: brokers, dir: t.TempDir(), suffix: "-" + test + "-" + kind}
	shop.createTopics()
	shop.configure(s.registry.url)
	return shop
}

func (s *shop) createTopics() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := s.brokers.Create(ctx, partitions, s.purchases(), s.events(), s.letters()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) purchases() string { return "purchases" + s.suffix }
func (s *shop) events() string    { return "analytics" + s.suffix }
func (s *shop) letters() string   { return "purchases.dlq" + s.suffix }

// configure writes the client.properties of the programs that start from now on.
func (s *shop) configure(registry string, lines ...string) {
	s.t.Helper()
	all := append([]string{"bootstrap.servers=" + s.brokers.Bootstrap(), "schema.registry.url=" + registry}, lines...)
	if err := os.WriteFile(s.properties(), []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) properties() string { return filepath.Join(s.dir, "client.properties") }

// names are the flags for the shop's topics and groups.
func (s *shop) names(program, command string) []string {
	switch {
	case program == "producer" && command != "topics":
		return []string{"--topic", s.purchases()}
	case program == "processor":
		return []string{
			"--topic", s.purchases(), "--to", s.events(), "--dead-letters", s.letters(), "--group", "processor" + s.suffix,
		}
	case program == "analytics" && command == "run":
		return []string{"--topic", s.events(), "--dead-letters", s.letters(), "--group", "analytics" + s.suffix}
	}
	return nil
}

func (s *shop) command(program, command string, args ...string) *exec.Cmd {
	args = append(append([]string{command}, s.names(program, command)...), args...)
	c := exec.Command(filepath.Join(s.binaries, program), args...)
	c.Dir = s.dir
	c.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "KAFKA_") || strings.HasPrefix(variable, "ANALYTICS_")
	})
	c.Env = append(c.Env, "KAFKA_CONFIG="+s.properties(), "TMPDIR="+s.dir, "ANALYTICS_HTTP=")
	return c
}

// must runs a program that has to succeed, and returns what it wrote to stdout.
func (s *shop) must(program, command string, args ...string) string {
	s.t.Helper()
	stdout, stderr, err := s.run(s.command(program, command, args...))
	if err != nil {
		s.t.Fatalf("%s %s %v: %v\n%s%s", program, command, args, err, stdout, stderr)
	}
	return stdout
}

// fails runs a program that has to fail with one line, which holds the texts.
func (s *shop) fails(texts []string, program, command string, args ...string) {
	s.t.Helper()
	_, stderr, err := s.run(s.command(program, command, args...))
	if err == nil || strings.Count(stderr, "\n") != 1 {
		s.t.Errorf("%s %s %v: %v, want a failure of one line:\n%s", program, command, args, err, stderr)
	}
	s.holds(stderr, texts...)
}

// holds says which of the texts a text lacks.
func (s *shop) holds(text string, texts ...string) {
	s.t.Helper()
	for _, want := range texts {
		if !strings.Contains(text, want) {
			s.t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func (s *shop) run(c *exec.Cmd) (stdout, stderr string, err error) {
	var output, complaints bytes.Buffer
	c.Stdout, c.Stderr = &output, &complaints
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer time.AfterFunc(patience, func() { _ = c.Process.Signal(syscall.SIGQUIT) }).Stop() // shows where it hangs
	err = c.Wait()
	return output.String(), complaints.String(), err
}

// start runs a program in the background. It ends with the test at the latest.
func (s *shop) start(program, command string, args ...string) *process.Process {
	s.t.Helper()
	s.logs++
	log := filepath.Join(s.dir, fmt.Sprintf("%s-%d.log", program, s.logs))
	p, err := process.Start(program, s.command(program, command, args...), log)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		p.Kill()
		if s.t.Failed() {
			s.t.Logf("%s\n%s", log, p.Log())
		}
	})
	return p
}

// stop ends a program in good order.
func (s *shop) stop(p *process.Process) {
	s.t.Helper()
	if err := p.Terminate(); err != nil {
		s.t.Error(err)
	}
}

// python runs a script of testdata, which writes to the topic of purchases.
func (s *shop) python(script string) {
	s.t.Helper()
	script = filepath.Join("testdata", script)
	c := exec.Command(*python, "-B", script, s.brokers.Bootstrap(), s.registry.url, s.purchases())
	if stdout, stderr, err := s.run(c); err != nil {
		s.t.Fatalf("%s: %v\n%s%s", script, err, stdout, stderr)
	}
}

// send writes a purchase as it is.
func (s *shop) send(partition int32, value []byte) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers.Addresses...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	record := &kgo.Record{Topic: s.purchases(), Partition: partition, Value: value}
	if err := client.ProduceSync(s.t.Context(), record).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// read returns what the topic holds.
func (s *shop) read(topic string) []*kgo.Record {
	s.t.Helper()
	reader, err := audit.NewReader(s.brokers.Addresses, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	records, err := reader.ReadToEnd(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return records[topic]
}

// until waits for something that happens without further doing.
func (s *shop) until(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(poll) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// processed are the events by user. There is one of each.
func (s *shop) processed() map[string]enriched.Event {
	s.t.Helper()
	events := map[string]enriched.Event{}
	for _, r := range s.read(s.events()) {
		e, err := enriched.Decode(r.Value, time.Now())
		if _, twice := events[e.User]; err != nil || twice {
			s.t.Errorf("event %s: twice %t, %v", r.Value, twice, err)
		}
		events[e.User] = e
	}
	return events
}

// refused are the reasons of the dead letters by key, which must be what was sent.
func (s *shop) refused() map[string]purchase.Reason {
	s.t.Helper()
	sent, reasons := s.sent(), map[string]purchase.Reason{}
	for _, r := range s.read(s.letters()) {
		l, err := deadletter.Parse(message(r))
		original := sent[string(l.Key)]
		if err != nil || original == nil || !bytes.Equal(l.Value, original.Value) || len(l.Headers) != len(original.Headers) {
			s.t.Errorf("the dead letter of %s is not what was sent: %q, %v", l.Key, l.Value, err)
		}
		reasons[string(l.Key)] = l.Reason
	}
	return reasons
}

// sent are the purchases as they were written, by key.
func (s *shop) sent() map[string]*kgo.Record {
	s.t.Helper()
	sent := map[string]*kgo.Record{}
	for _, r := range s.read(s.purchases()) {
		sent[string(r.Key)] = r
	}
	return sent
}

func message(r *kgo.Record) *sarama.ConsumerMessage {
	m := &sarama.ConsumerMessage{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value,
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return m
}

// stored is how many events analytics holds, after it has read all.
func (s *shop) stored() string {
	s.t.Helper()
	s.must("analytics", "run", "--drain")
	rows := s.must("analytics", "sql", "--output", "csv", "SELECT count(*) AS n FROM events")
	return strings.TrimSpace(strings.TrimPrefix(rows, "n\n"))
}
