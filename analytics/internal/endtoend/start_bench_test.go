package endtoend_test

import (
	"testing"
	"time"

	"purchases/analytics/internal/testkit/process"
)

// BenchmarkStart measures from the start of the process to the first row that a
// reader sees in a database that is new: of analytics, where the events are
// there already, and of processor and analytics together, where the purchases are.
func BenchmarkStart(b *testing.B) {
	home := newMachine(b)
	b.Run("analytics", func(b *testing.B) {
		measureStarts(b, home, func(m *machine) { m.run("processor", "run", "--drain") }, "analytics")
	})
	b.Run("processor-and-analytics", func(b *testing.B) {
		measureStarts(b, home, func(*machine) {}, "processor", "analytics")
	})
}

func measureStarts(b *testing.B, home *machine, prepare func(*machine), names ...string) {
	var sum, longest time.Duration
	for b.Loop() {
		m := newMachineOn(b, home.cluster)
		m.run("producer", "generate", "--count", "1200", "--start", startOfEvents)
		prepare(m)
		begun := time.Now()
		var programs []*process.Process
		for _, name := range names {
			programs = append(programs, m.launch(name, "run"))
		}
		m.awaitRow()
		took := time.Since(begun)
		sum, longest = sum+took, max(longest, took)
		for _, p := range programs {
			p.Kill()
		}
	}
	b.ReportMetric(0, "ns/op") // it is mostly the making of topics
	b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms/start")
	b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
}

// awaitRow waits until a reader sees something in the database.
func (m *machine) awaitRow() {
	m.t.Helper()
	for deadline := time.Now().Add(patience); m.stored() == 0; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatal("nothing is stored")
		}
	}
}
