package pipeline

import (
	"testing"
	"time"
)

// BenchmarkPipeline measures purchases that go through the embedded broker,
// the start of the run included.
func BenchmarkPipeline(b *testing.B) {
	const count = 500_000
	c := newCluster(b)
	for c.values < count {
		c.produce(min(50_000, count-c.values))
	}
	s := c.drain()
	s.Linger, s.BatchSize = 100*time.Millisecond, 5000
	for b.Loop() {
		s.Group += "x" // a new group reads the topic from its start
		if _, err := Run(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
