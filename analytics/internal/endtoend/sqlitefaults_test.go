package endtoend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"
	"github.com/twmb/franz-go/pkg/kfake"
	"golang.org/x/sync/errgroup"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/analytics/internal/verify"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

// someLog is a broker with events, whose number sets what a database must hold
// in the end.
type someLog struct {
	t         *testing.T
	cluster   *kfake.Cluster
	bootstrap string
	sent      int
}

func newLog(t *testing.T, events int) *someLog {
	t.Helper()
	if current.shared != nil {
		t.Skip("NOT TESTED on a cluster: this has a broker of its own, and `make test` runs it")
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, enriched.Topic, deadletter.Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := &someLog{t: t, cluster: cluster, bootstrap: cluster.ListenAddrs()[0]}
	l.send(events)
	return l
}

func (l *someLog) send(n int) {
	l.t.Helper()
	var messages []*sarama.ProducerMessage
	for range n {
		messages = append(messages, l.event(l.sent))
		l.sent++
	}
	l.publish(messages)
}

func (l *someLog) publish(messages []*sarama.ProducerMessage) {
	l.t.Helper()
	l.publishWith(l.settings().Config(), messages)
}

func (l *someLog) publishWith(config *sarama.Config, messages []*sarama.ProducerMessage) {
	l.t.Helper()
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer([]string{l.bootstrap}, config)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	if err := producer.SendMessages(messages); err != nil {
		l.t.Fatal(err)
	}
}

func (l *someLog) event(n int) *sarama.ProducerMessage {
	e, err := enriched.Enrich(purchase.Event{
		User: fmt.Sprint("user ", n%50), Item: fmt.Sprint("item ", n%20), OrderID: fmt.Sprint("order ", n/3), Currency: "GBP",
		Quantity:  1,
		Timestamp: time.UnixMilli(1_700_000_000_000 + int64(n)*600_000), Attributes: map[string]string{"country": "France"},
	}, enriched.Source{Topic: purchase.Topic, Offset: int64(n)}, purchase.DerivedID("", 0, int64(n)), time.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	value, err := e.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	return &sarama.ProducerMessage{Topic: enriched.Topic, Key: sarama.ByteEncoder(e.Key()),
		Value: sarama.ByteEncoder(value)}
}

func (l *someLog) settings() kafka.Settings { return kafka.Settings{Bootstrap: []string{l.bootstrap}} }

// drain stores what the log holds, in this process and without faults.
func (l *someLog) drain(path string) error {
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	db, err := database.Open(ctx, path)
	if err != nil {
		return err
	}
	err = ingest.Run(ctx, db, ingest.Config{
		Kafka: l.settings(), Topics: ingest.DefaultTopics, Group: "analytics",
		Drain: true, Log: slog.New(slog.DiscardHandler),
	})
	return errors.Join(err, db.Close())
}

// recovers wants a database to be right after a fault, and to hold all events
// after one more run.
func (l *someLog) recovers(path string) error {
	if _, err := os.Stat(path); err == nil { // a fault may have come before it
		if err := isRight(l.t.Context(), path); err != nil {
			return fmt.Errorf("after the fault: %w", err)
		}
	}
	if err := l.drain(path); err != nil {
		return fmt.Errorf("the run after the fault: %w", err)
	}
	return l.hasAll(path)
}

func (l *someLog) hasAll(path string) error {
	db, err := database.OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	report, err := verify.Run(l.t.Context(), db, func() {})
	if err == nil && (len(report.Differences) > 0 || report.Events != int64(l.sent)) {
		err = fmt.Errorf("%d events of %d, differences %q", report.Events, l.sent, report.Differences)
	}
	return err
}

// isRight allows a database whose schema is not complete yet.
func isRight(ctx context.Context, path string) error {
	db, err := database.OpenReader(path)
	if err != nil {
		return isWhole(path)
	}
	defer func() { _ = db.Close() }()
	report, err := verify.Run(ctx, db, func() {})
	if err == nil && len(report.Differences) > 0 {
		err = fmt.Errorf("differences %q", report.Differences)
	}
	return err
}

// drainCommand runs the real program.
func (l *someLog) drainCommand(path string, env ...string) *exec.Cmd {
	c := l.program("run", "--drain", "--db", path)
	c.Env = append(c.Env, env...)
	return c
}

// failed runs the command and wants it to end with exit code 1 and one line
// that has the words.
func failed(c *exec.Cmd, words ...string) error {
	var errors bytes.Buffer
	c.Stderr = &errors
	if err := c.Run(); err == nil || c.ProcessState.ExitCode() != 1 {
		return fmt.Errorf("the program ended with exit status %d, want 1\n%s", c.ProcessState.ExitCode(), errors.String())
	}
	lines := strings.Split(strings.TrimSpace(errors.String()), "\n")
	last := lines[len(lines)-1]
	for _, word := range words {
		if !strings.Contains(last, word) {
			return fmt.Errorf("the last line lacks %q:\n%s", word, errors.String())
		}
	}
	for _, line := range lines[:len(lines)-1] {
		if !strings.HasPrefix(line, "analytics: 2") { // the log's lines have a time
			return fmt.Errorf("the error has more than one line:\n%s", errors.String())
		}
	}
	return nil
}

// isWhole wants what the database has of a schema to be undamaged.
func isWhole(path string) error {
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var found string
	if err := db.Get(&found, `PRAGMA integrity_check`); err != nil || found != "ok" {
		return fmt.Errorf("integrity_check: %s %w", found, err)
	}
	return nil
}

func buildFailIO(t *testing.T) string {
	t.Helper()
	library := filepath.Join(t.TempDir(), "failio.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-o", library, "testdata/failio.c", "-ldl").
		CombinedOutput(); err != nil {
		t.Fatalf("build testdata/failio.c: %v\n%s", err, out)
	}
	return library
}

// fault is one way for writes to fail.
type fault struct {
	errno syscall.Errno
	at    int
	times int // 0 is for ever
	said  string
}

// TestEachFailedWrite lets the first, second, third, ... write or sync of the
// database's files fail, once and for ever, with an I/O error and with a full
// disk: in a first run, and in one that continues in an old database.
func TestEachFailedWrite(t *testing.T) {
	library := buildFailIO(t)
	log := newLog(t, 300)
	old := filepath.Join(t.TempDir(), "old.db")
	if err := log.drain(old); err != nil {
		t.Fatal(err)
	}
	log.send(300)
	for _, start := range []string{"", old} {
		calls := countWrites(t, log, library, start)
		if calls < 20 {
			t.Fatalf("%d writes were seen: the library does not work", calls)
		}
		t.Logf("%d writes and syncs, begun with %q", calls, filepath.Base(start))
		group := errgroup.Group{}
		group.SetLimit(8)
		for at := 1; at <= calls; at++ {
			if start == "" && at%8 > 0 {
				continue // the schema is made in many writes of one kind
			}
			kinds := []fault{{syscall.EIO, at, 1, "the disk failed"}, {syscall.EIO, at, 0, "the disk failed"},
				{syscall.ENOSPC, at, 0, "full"}}
			f := kinds[at%len(kinds)]
			group.Go(func() error { return injectFault(t, log, library, start, f) })
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// copyOf makes a database for one test, of a copy or of nothing.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "faulty.db")
	if path == "" {
		return target
	}
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(target, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func (f fault) env(library, path string) []string {
	return []string{"LD_PRELOAD=" + library, "FAILIO_PATH=" + filepath.Base(path), "FAILIO_COUNT=" +
		filepath.Join(filepath.Dir(path), "count"),
		fmt.Sprint("FAILIO_AT=", f.at), fmt.Sprint("FAILIO_TIMES=", f.times), fmt.Sprint("FAILIO_ERRNO=", int(f.errno))}
}

func countWrites(t *testing.T, log *someLog, library, start string) int {
	t.Helper()
	path := copyOf(t, start)
	if out, err := log.drainCommand(path, fault{}.env(library, path)...).CombinedOutput(); err != nil {
		t.Fatalf("a run without a fault: %v\n%s", err, out)
	}
	count, err := os.Stat(filepath.Join(filepath.Dir(path), "count"))
	if err != nil {
		t.Fatal(err)
	}
	return int(count.Size())
}

func injectFault(t *testing.T, log *someLog, library, start string, f fault) error {
	path := copyOf(t, start)
	command := log.drainCommand(path, f.env(library, path)...)
	var output bytes.Buffer
	command.Stderr = &output
	err := command.Run()
	said := output.String()
	switch code := command.ProcessState.ExitCode(); {
	case code == 0: // the fault was in what can be done again later
		err = log.hasAll(path)
	case code != 1 || !strings.Contains(said, "database "+path+": ") && !strings.Contains(said, path+".lock"):
		err = fmt.Errorf("exit %d (%w):\n%s", code, err, said)
	default:
		err = log.recovers(path)
	}
	if err != nil {
		return fmt.Errorf("%w from write %d, %d times, begun with %q: %w\n%s", f.errno, f.at, f.times, filepath.Base(start),
			err, said)
	}
	return nil
}
