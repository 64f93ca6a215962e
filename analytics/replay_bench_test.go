package main_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/producer/sample"
)

// BenchmarkReplay stores the sample, and then replays it while `analytics run`
// has the database and is asked all the time. It reports the rate of both and
// their ratio, the most memory that the replay had, and the longest that a
// query took, the moment of the swap included.
func BenchmarkReplay(b *testing.B) {
	var stored, replayed, longest time.Duration
	var peak int64
	for b.Loop() {
		m := newMachine(b)
		m.timed(m.command("producer", "import", "--sample"))
		m.timed(m.command("processor", "run", "--drain"))
		stored += m.timed(m.command("analytics", "run", "--drain"))
		run := m.launch("analytics", "run")
		m.until("analytics runs", func() bool { return run.Says("storing events") })
		ctx, stop := context.WithCancel(b.Context())
		asked := make(chan time.Duration, 1)
		go func() { asked <- m.longestQuery(ctx) }()
		replay := m.command("analytics", "replay", "--yes")
		replayed += m.timed(replay)
		peak = max(peak, replay.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		m.until("the new database is followed", func() bool { return run.Says("another database in place") })
		stop()
		longest = max(longest, <-asked)
		if err := run.Terminate(); err != nil {
			b.Fatal(err)
		}
	}
	rate := func(d time.Duration) float64 { return float64(b.N) * sample.Rows / d.Seconds() }
	b.ReportMetric(rate(stored), "stored/s")
	b.ReportMetric(rate(replayed), "replayed/s")
	b.ReportMetric(stored.Seconds()/replayed.Seconds(), "of-the-drain's-rate")
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-query-ms")
	b.ReportMetric(float64(peak)/1024, "peak-MB")
}

// longestQuery asks for the totals again and again, each time as a program
// does that has just started.
func (m *machine) longestQuery(ctx context.Context) (longest time.Duration) {
	for ctx.Err() == nil {
		began := time.Now()
		db, err := database.OpenReader(m.database())
		if err == nil {
			var revenue int64
			err = db.Get(&revenue, `SELECT sum(revenue) FROM totals`)
			_ = db.Close()
		}
		if err != nil {
			m.t.Error(err)
			return longest
		}
		longest = max(longest, time.Since(began))
		time.Sleep(time.Millisecond)
	}
	return longest
}
