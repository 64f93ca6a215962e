package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
	"purchases/producer/testkit/lossy"
)

// live is a run without an end.
type live struct {
	t      *testing.T
	ctx    context.Context
	stored chan int
	log    safeBuffer
	stop   func()
}

type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), text)
}

func startLive(t *testing.T, c *kfake.Cluster, db *database.Database, change ...func(*ingest.Config)) *live {
	t.Helper()
	return startLiveBy(t, ingest.Run, c, db, change...)
}

type runner func(context.Context, *database.Database, ingest.Config) error

func startLiveBy(t *testing.T, run runner, c *kfake.Cluster, db *database.Database,
	change ...func(*ingest.Config)) *live {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	l := &live{t: t, ctx: ctx, stored: make(chan int, 10_000)}
	cfg := config(c)
	cfg.Drain = false
	cfg.Stored = func(chunks []batch.Chunk) { l.stored <- batch.Records(chunks) }
	cfg.Log = slog.New(slog.NewTextHandler(&l.log, nil))
	for _, f := range change {
		f(&cfg)
	}
	done := make(chan error, 1)
	go func() { done <- run(ctx, db, cfg) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("a stopped run: %v", err)
		}
	})
	t.Cleanup(l.stop)
	return l
}

func (l *live) await(n int) {
	l.t.Helper()
	await(l.t, l.ctx, l.stored, n)
}

func (l *live) awaitLog(text string) {
	l.t.Helper()
	l.awaitLine(&l.log, text)
}

func (l *live) awaitLine(log *safeBuffer, text string) {
	l.t.Helper()
	for log.count(text) == 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-l.ctx.Done():
			l.t.Fatalf("did not log %q:\n%s", text, log.text.String())
		}
	}
}

func TestLeadersMove(t *testing.T) {
	t.Parallel()
	const nodes = 3
	c := newCluster(t, kfake.NumBrokers(nodes))
	w := newTransactor(t, c)
	db := newDatabase(t)
	l := startLive(t, c, db)
	for round := range 5 {
		sendEvents(w, 100*round, 100*round+50)
		for p := range int32(partitions) {
			if err := c.MoveTopicPartition(enriched.Topic, p, (c.LeaderFor(enriched.Topic, p)+1)%nodes); err != nil {
				t.Fatal(err)
			}
		}
		sendEvents(w, 100*round+50, 100*round+100)
		l.await(100)
	}
	l.stop()
	wantCount(t, db, 500, `SELECT count(*) FROM events`)
	wantCount(t, db, 500, `SELECT purchases FROM stats_total`)
	wantCount(t, db, 0, `SELECT count(*) FROM duplicates`)
}

func TestLostFetchesDoubleNothing(t *testing.T) {
	t.Parallel()
	var listener *lossy.Listener
	c := newCluster(t, kfake.ListenFn(func(network, address string) (_ net.Listener, err error) {
		listener, err = lossy.Listen(network, address)
		return listener, err
	}))
	w := newTransactor(t, c)
	db := newDatabase(t)
	l := startLive(t, c, db, func(cfg *ingest.Config) { cfg.Kafka.ClientID = "reader" })
	for round := range 3 {
		listener.Lose("reader", int16(kmsg.Fetch), 1)
		sendEvents(w, 100*round, 100*round+100)
		l.await(100)
		for listener.Lost() <= round { // an answer may have been under way
			time.Sleep(10 * time.Millisecond)
		}
	}
	l.stop()
	wantCount(t, db, 300, `SELECT purchases FROM stats_total`)
	wantCount(t, db, 0, `SELECT count(*) FROM duplicates`)
}

func TestBrokerGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(t.TempDir()),
		kfake.SeedTopics(partitions, enriched.Topic, deadletter.Topic),
	}
	first, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	sendEvents(newTransactor(t, first), 0, 100)
	db := newDatabase(t)
	l := startLive(t, first, db, func(cfg *ingest.Config) {
		cfg.Kafka = kafka.Settings{Bootstrap: []string{fmt.Sprint("127.0.0.1:", port)}}
	})
	l.await(100)
	first.Close()
	l.awaitLog("waiting for the broker")

	second := newCluster(t, options...)
	sendEvents(newTransactor(t, second), 100, 300) // each partition gets some
	l.await(200)
	l.awaitLog("the broker is back")
	l.stop()
	for _, line := range []string{"waiting for the broker", "the broker is back"} {
		if n := l.log.count(line); n != 1 {
			t.Errorf("%q is logged %d times, want once:\n%s", line, n, l.log.text.String())
		}
	}
	wantCount(t, db, 300, `SELECT purchases FROM stats_total`)
	wantCount(t, db, 0, `SELECT count(*) FROM duplicates`)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
