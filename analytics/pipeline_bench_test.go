package main_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"purchases/producer/sample"
)

// BenchmarkPipeline takes the sample through the three programs, one after the
// other, and reports the rate of each, how long a query takes from the start of
// its process, and the most memory that analytics had.
func BenchmarkPipeline(b *testing.B) {
	var imported, processed, stored, asked time.Duration
	var peak int64
	for b.Loop() {
		m := newMachine(b)
		imported += m.timed(m.command("producer", "import", "--sample"))
		processed += m.timed(m.command("processor", "run", "--drain"))
		analytics := m.command("analytics", "run", "--drain")
		stored += m.timed(analytics)
		peak = max(peak, analytics.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		asked += m.timed(m.command("analytics", "query", "top-items"))
	}
	rate := func(d time.Duration) float64 { return float64(b.N) * sample.Rows / d.Seconds() }
	b.ReportMetric(rate(imported), "imported/s")
	b.ReportMetric(rate(processed), "processed/s")
	b.ReportMetric(rate(stored), "stored/s")
	b.ReportMetric(float64(asked.Milliseconds())/float64(b.N), "query-ms")
	b.ReportMetric(float64(peak)/1024, "analytics-peak-MB")
}

// timed runs the command to its end.
func (m *machine) timed(c *exec.Cmd) time.Duration {
	m.t.Helper()
	began := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
	return time.Since(began)
}
