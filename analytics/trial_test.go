package main_test

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/database"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/crashpoint"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

const (
	trialPartitions = 4
	trialEvents     = 1200
	trialPatience   = time.Minute // what takes longer hangs
)

// trialPrograms builds the three programs with their crash points.
var trialPrograms = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(current.binaries, "crashpoints")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", dir+"/", "purchases/producer", "purchases/processor", "purchases/analytics")
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build the programs with crash points: %w\n%s", err, out)
	}
	return dir, err
})

// trialCluster returns the bootstrap servers of the cluster that the trials run
// on: the one that TEST_KAFKA names, or else an embedded broker, which lives as
// long as the test.
func trialCluster(t testing.TB) string {
	t.Helper()
	if servers := os.Getenv("TEST_KAFKA"); servers != "" {
		return servers
	}
	address := freeAddress(t)
	startProgram(t, nil, "producer", "broker", "--listen", address, "--data-dir", t.TempDir()).endsWith(t, syscall.SIGTERM)
	awaitListener(t, address)
	return address
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func awaitListener(t testing.TB, address string) {
	t.Helper()
	for deadline := time.Now().Add(trialPatience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing listens on %s: %v", address, err)
		}
	}
}

// trial is the whole pipeline with topics, groups and a database of its own.
type trial struct {
	t         testing.TB
	bootstrap string
	name      string // part of each topic's and group's
	dir       string
}

func newTrial(t testing.TB, bootstrap string) *trial {
	t.Helper()
	unique := strings.NewReplacer("/", "-", "#", "-").Replace(t.Name())
	r := &trial{t: t, bootstrap: bootstrap, name: fmt.Sprintf("%s-%d", unique, time.Now().UnixNano()), dir: t.TempDir()}
	admin, err := sarama.NewClusterAdmin(strings.Split(bootstrap, ","), kafka.Settings{}.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	for _, topic := range []string{purchase.Topic, enriched.Topic, deadletter.Topic} {
		detail := &sarama.TopicDetail{NumPartitions: trialPartitions, ReplicationFactor: -1}
		if err := admin.CreateTopic(r.topic(topic), detail, false); err != nil {
			t.Fatalf("create topic %s: %v", r.topic(topic), err)
		}
	}
	return r
}

func (r *trial) topic(of string) string { return r.name + "." + of }
func (r *trial) database() string       { return filepath.Join(r.dir, "analytics.db") }

func (r *trial) processor(args ...string) []string {
	return append([]string{"processor", "run", "--group", r.name, "--topic", r.topic(purchase.Topic), "--to", r.topic(enriched.Topic),
		"--dead-letters", r.topic(deadletter.Topic), "--batch-size", "20", "--linger", "5ms"}, args...)
}

func (r *trial) analytics(args ...string) []string {
	return append([]string{"analytics", "run", "--http", "", "--db", r.database(), "--group", r.name + "-lag", "--topic", r.topic(enriched.Topic),
		"--dead-letters", r.topic(deadletter.Topic)}, args...)
}

// generate publishes the same events each time.
func (r *trial) generate(args ...string) {
	r.t.Helper()
	r.run(append([]string{"producer", "generate", "--topic", r.topic(purchase.Topic), "--count", fmt.Sprint(trialEvents), "--seed", "11",
		"--start", "2026-01-01T00:00:00Z", "--invalid-ratio", "0.05", "--duplicate-ratio", "0.05"}, args...)...)
}

// start runs a program that dies at the crash point, if one is given.
func (r *trial) start(crashAt string, command ...string) *program {
	r.t.Helper()
	return startProgram(r.t, []string{"KAFKA_BOOTSTRAP_SERVERS=" + r.bootstrap, "TMPDIR=" + r.dir, crashpoint.Variable + "=" + crashAt}, command...)
}

// run runs a program to its end.
func (r *trial) run(command ...string) {
	r.t.Helper()
	p := r.start("", command...)
	if state := p.wait(); !state.Success() {
		r.t.Fatalf("%s: %s\n%s", p, state, p.log())
	}
}

func (r *trial) drain() {
	r.t.Helper()
	r.run(r.processor("--drain")...)
	r.run(r.analytics("--drain")...)
}

// program is one running process of the three programs.
type program struct {
	*exec.Cmd
	output *os.File // both of its streams
	ended  chan struct{}
}

func startProgram(t testing.TB, env []string, command ...string) *program {
	t.Helper()
	dir, err := trialPrograms()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{Cmd: exec.CommandContext(ctx, filepath.Join(dir, command[0]), command[1:]...), ended: make(chan struct{})}
	if p.output, err = os.CreateTemp(t.TempDir(), command[0]); err != nil {
		t.Fatal(err)
	}
	p.Stdout, p.Stderr, p.Env = p.output, p.output, append(os.Environ(), env...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Wait() // its state says the same
	}()
	t.Cleanup(func() { cancel(); <-p.ended; _ = p.output.Close() })
	return p
}

func (p *program) String() string { return strings.Join(p.Args, " ") }

func (p *program) log() string {
	text, _ := os.ReadFile(p.output.Name())
	return string(text)
}

// wait waits until the program ends by itself; one that hangs is killed.
func (p *program) wait() *os.ProcessState {
	select {
	case <-p.ended:
	case <-time.After(trialPatience):
		_ = p.Process.Signal(syscall.SIGQUIT) // its goroutines are what one needs to see
		<-p.ended
	}
	return p.ProcessState
}

// endsWith ends the program with the signal when the test does, and wants it to
// end well.
func (p *program) endsWith(t testing.TB, signal os.Signal) {
	t.Cleanup(func() {
		_ = p.Process.Signal(signal)
		if state := p.wait(); !state.Success() {
			t.Errorf("%s: %s\n%s", p, state, p.log())
		}
	})
}

func (p *program) kill() {
	_ = p.Process.Kill()
	<-p.ended
}

// awaitLog waits for a line with the text, n times in all.
func (p *program) awaitLog(t testing.TB, text string, n int) {
	t.Helper()
	for deadline := time.Now().Add(trialPatience); strings.Count(p.log(), text) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: did not log %q %d times:\n%s", p, text, n, p.log())
		}
	}
}

// wantKilled waits for the program's death by SIGKILL.
func (p *program) wantKilled(t testing.TB) {
	t.Helper()
	state := p.wait()
	if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s: %s, want that it dies at the crash point\n%s", p, state, p.log())
	}
}

// read returns what a read_committed consumer finds on the topic, each
// partition in its order.
func (r *trial) read(topic string) []*sarama.ConsumerMessage {
	r.t.Helper()
	settings := kafka.Settings{Bootstrap: strings.Split(r.bootstrap, ",")}
	config := settings.Config()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	config.Consumer.MaxWaitTime = 10 * time.Millisecond
	client, err := settings.Connect(context.Background(), config)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	last, err := kafka.LastRecords(client, r.topic(topic))
	if err != nil {
		r.t.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = consumer.Close() }()
	var wg sync.WaitGroup
	byPartition := make([][]*sarama.ConsumerMessage, len(last))
	for partition, offset := range last {
		if offset != kafka.NoRecord {
			wg.Go(func() { byPartition[partition] = r.readTo(consumer, r.topic(topic), partition, offset) })
		}
	}
	wg.Wait()
	return slices.Concat(byPartition...)
}

func (r *trial) readTo(consumer sarama.Consumer, topic string, partition int32, last int64) (all []*sarama.ConsumerMessage) {
	r.t.Helper()
	claim, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	defer claim.AsyncClose()
	for timeout := time.After(trialPatience); ; {
		select {
		case m := <-claim.Messages():
			if all = append(all, m); m.Offset >= last {
				return all
			}
		case <-timeout:
			r.t.Errorf("%s/%d: read %d records, not up to offset %d", topic, partition, len(all), last)
			return nil
		}
	}
}

// wantExactlyOnce compares the input with the output as a read_committed reader
// sees it, and the database with both.
func (r *trial) wantExactlyOnce() {
	r.t.Helper()
	var want []enriched.Source
	for _, m := range r.read(purchase.Topic) {
		want = append(want, enriched.Source{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset})
	}
	events, letters := r.eventSources(), r.letterSources()
	wantAscending(r.t, events)
	got := append(events, letters...)
	slices.SortFunc(want, compareSources)
	slices.SortFunc(got, compareSources)
	if !slices.Equal(got, want) {
		r.t.Errorf("%d events and %d dead letters came out of %d purchases, or not of each one once", len(events), len(letters), len(want))
	}
	r.wantStored(len(events), len(letters))
}

func (r *trial) eventSources() (sources []enriched.Source) {
	r.t.Helper()
	for _, m := range r.read(enriched.Topic) {
		e, err := enriched.Decode(m.Value)
		if err != nil {
			r.t.Fatal(err)
		}
		sources = append(sources, e.Source)
	}
	return sources
}

func (r *trial) letterSources() (sources []enriched.Source) {
	r.t.Helper()
	for _, m := range r.read(deadletter.Topic) {
		l, err := deadletter.Parse(m)
		if err != nil {
			r.t.Fatal(err)
		}
		sources = append(sources, l.Source)
	}
	return sources
}

// wantAscending wants each partition of the input to have come out in its order:
// input and output have the same number of partitions and the same keys.
func wantAscending(t testing.TB, sources []enriched.Source) {
	t.Helper()
	last := map[int32]int64{}
	for _, s := range sources {
		if before, seen := last[s.Partition]; seen && s.Offset <= before {
			t.Errorf("%s came out after offset %d", s, before)
		}
		last[s.Partition] = s.Offset
	}
}

func compareSources(a, b enriched.Source) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}

// wantStored compares the numbers of records with those that the database says
// it has read, and has SQLite check itself.
func (r *trial) wantStored(events, letters int) {
	r.t.Helper()
	db, err := database.OpenReader(r.database())
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for query, want := range map[string]string{
		`SELECT sum(records) FROM partitions WHERE topic LIKE '%.` + enriched.Topic + `'`:   fmt.Sprint(events),
		`SELECT sum(records) FROM partitions WHERE topic LIKE '%.` + deadletter.Topic + `'`: fmt.Sprint(letters),
		`SELECT sum(events) - (SELECT count(*) FROM events) FROM partitions`:                "0",
		`SELECT sum(rejected) - (SELECT count(*) FROM rejected) FROM partitions`:            "0",
		`PRAGMA integrity_check`: "ok",
	} {
		var got string
		if err := db.Get(&got, query); err != nil || got != want {
			r.t.Errorf("%s: %s, %v, want %s", query, got, err, want)
		}
	}
}

// statistics is the answer of every canned query that does not name partitions
// or the time of processing, in CSV.
func (r *trial) statistics() string {
	r.t.Helper()
	var all strings.Builder
	for _, query := range []string{
		"summary", "top-items --limit 1000", "top-items --by revenue --limit 1000", "top-users --limit 1000",
		"sales-over-time --every day", "sales-by-attribute --attribute country --limit 1000", "returns",
	} {
		p := r.start("", append([]string{"analytics", "query", "--db", r.database(), "--output", "csv"}, strings.Fields(query)...)...)
		if state := p.wait(); !state.Success() {
			r.t.Fatalf("%s: %s\n%s", p, state, p.log())
		}
		fmt.Fprintf(&all, "%s\n%s\n", query, rowsOf(p.log()))
	}
	return all.String()
}
