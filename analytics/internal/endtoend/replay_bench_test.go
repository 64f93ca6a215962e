package endtoend_test

import (
	"context"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/producer/sample"
)

// BenchmarkReplay stores the sample, replays it, and replays it again while
// `analytics run` has the database and is asked all the time. It reports the
// rates, the ratio of the first two, the most memory that a replay had, and the
// longest that a query took, the moment of the swap included.
func BenchmarkReplay(b *testing.B) {
	var stored, alone, beside, longest time.Duration
	var peak int64
	for b.Loop() {
		m := newMachine(b)
		m.timed(m.command("producer", "import", "--sample"))
		m.timed(m.command("processor", "run", "--drain"))
		drain, _ := m.timed(m.command("analytics", "run", "--drain"))
		stored += drain
		took, memory := m.timed(m.command("analytics", "replay", "--yes"))
		alone, peak = alone+took, max(peak, memory)
		run := m.launch("analytics", "run")
		m.logged(run, "storing events", 1)
		ctx, stop := context.WithCancel(b.Context())
		asked := make(chan time.Duration, 1)
		go func() { asked <- m.longestQuery(ctx) }()
		took, memory = m.timed(m.command("analytics", "replay", "--yes"))
		beside, peak = beside+took, max(peak, memory)
		m.logged(run, "database replaced by a replay", 1)
		stop()
		longest = max(longest, <-asked)
		if err := run.Terminate(); err != nil {
			b.Fatal(err)
		}
	}
	rate := func(d time.Duration) float64 { return float64(b.N) * sample.Rows / d.Seconds() }
	b.ReportMetric(rate(stored), "stored/s")
	b.ReportMetric(rate(alone), "replayed/s")
	b.ReportMetric(rate(beside), "beside-a-run/s")
	b.ReportMetric(stored.Seconds()/alone.Seconds(), "of-the-drain's-rate")
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-query-ms")
	b.ReportMetric(float64(peak>>20), "peak-MB")
}

// longestQuery asks for the totals again and again, each time as a program
// does that has just started.
func (m *machine) longestQuery(ctx context.Context) (longest time.Duration) {
	for ctx.Err() == nil {
		began := time.Now()
		db, err := database.OpenReader(m.database())
		if err == nil {
			var revenue int64
			err = db.Get(&revenue, `SELECT sum(revenue_micros) FROM stats_total`)
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
