package main_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
)

// restartLimit is far above what a restart takes, which BenchmarkRestart tells,
// and far below the session timeout and the transaction timeout, which are what
// it must not wait for.
const restartLimit = 3 * time.Second

// committed is how many offsets of the processor's topics readers can see.
func (r *trial) committed() (n int64) {
	r.t.Helper()
	settings := kafka.Settings{Bootstrap: strings.Split(r.bootstrap, ",")}
	client, err := settings.Connect(context.Background(), settings.Config())
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, topic := range []string{enriched.Topic, deadletter.Topic} {
		last, err := kafka.LastRecords(client, r.topic(topic))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, offset := range last {
			n += offset + 1
		}
	}
	return n
}

// stored is how many records are in the database, 0 before it has its tables.
func (r *trial) stored() (n int64) {
	r.t.Helper()
	db, err := database.OpenReader(r.database())
	if err != nil {
		return 0
	}
	defer func() { _ = db.Close() }()
	if err := db.Get(&n, `SELECT ifnull(sum(records), 0) FROM partitions`); err != nil {
		return 0
	}
	return n
}

// progress waits until the count has grown, and says how long that took.
func (r *trial) progress(count func() int64) time.Duration {
	r.t.Helper()
	begun := time.Now()
	for before := count(); count() <= before; time.Sleep(2 * time.Millisecond) {
		if time.Since(begun) > trialPatience {
			r.t.Fatal("nothing happens")
		}
	}
	return time.Since(begun)
}

// stream publishes without an end, in the background.
func (r *trial) stream() (stop func()) {
	return r.start("", "producer", "generate", "--topic", r.topic("purchases"), "--rate", "300").kill
}

// restart kills the program at work, starts it again and returns how long it
// took until it had done something.
func (r *trial) restart(p *program, command []string, count func() int64) (*program, time.Duration) {
	r.t.Helper()
	r.progress(count)
	p.kill()
	again := r.start("", command...)
	return again, r.progress(count)
}

func TestRestartAfterKill(t *testing.T) {
	r := newTrial(t, trialCluster(t))
	processor, analytics := r.start("", r.processor()...), r.start("", r.analytics()...)
	stop := r.stream()
	for range 3 {
		var took time.Duration
		if processor, took = r.restart(processor, r.processor(), r.committed); took > restartLimit {
			t.Errorf("the processor was at work after %s", took)
		}
		if analytics, took = r.restart(analytics, r.analytics(), r.stored); took > restartLimit {
			t.Errorf("analytics was at work after %s", took)
		}
	}
	stop()
	processor.kill()
	analytics.kill()
	r.drain()
	r.wantExactlyOnce()
}

// One of two processors is killed. The other one goes on meanwhile, and nothing
// waits for a session to expire.
func TestOneOfTwoProcessorsIsKilled(t *testing.T) {
	r := newTrial(t, trialCluster(t))
	first := r.start("", r.processor()...)
	first.awaitLog(t, "assigned", 1)
	second := r.start("", r.processor()...)
	second.awaitLog(t, "assigned", 1)
	first.awaitLog(t, "assigned", 2)
	stop := r.stream()
	r.progress(r.committed)
	first.kill()
	if took := r.progress(r.committed); took > restartLimit {
		t.Errorf("the other processor did nothing for %s", took)
	}
	begun := time.Now()
	first = r.start("", r.processor()...)
	first.awaitLog(t, "assigned", 1)
	if took := time.Since(begun); took > restartLimit {
		t.Errorf("the killed processor had its partitions again after %s", took)
	}
	stop()
	r.run(r.processor("--drain")...)
	first.kill()
	second.kill()
	r.drain()
	r.wantExactlyOnce()
	for _, p := range []*program{first, second} {
		if strings.Contains(p.log(), "interrupted") {
			t.Errorf("%s was interrupted:\n%s", p, p.log())
		}
	}
}

func BenchmarkRestart(b *testing.B) {
	bootstrap := trialCluster(b)
	for _, program := range []string{"processor", "analytics"} {
		b.Run(program, func(b *testing.B) {
			r := newTrial(b, bootstrap)
			processor := r.start("", r.processor()...)
			p, command, count := processor, r.processor(), r.committed
			if program == "analytics" {
				p, command, count = r.start("", r.analytics()...), r.analytics(), r.stored
			}
			stop := r.stream()
			defer stop()
			var sum, longest time.Duration
			for b.Loop() {
				var took time.Duration
				p, took = r.restart(p, command, count)
				sum, longest = sum+took, max(longest, took)
			}
			b.ReportMetric(0, "ns/op") // it includes the wait before the kill
			b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms/restart")
			b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
			p.kill()
			processor.kill()
		})
	}
}
