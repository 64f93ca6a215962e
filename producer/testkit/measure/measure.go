// Package measure has the benchmarks of all programs report the same figures of
// a stage: its rate, what part of its limit that is, and what it costs.
//
// The limit is a piece of work that the stage cannot do without, measured in the
// same run and in turn with it, because a machine is not equally fast at all
// times. Figures are of the whole process, with what else works in it, such as
// an embedded broker.
package measure

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Variable is the environment variable with the number of events that a
// benchmark works on, for those that ask [Events].
const Variable = "BENCH_EVENTS"

const defaultEvents = 500_000

// Events is how many events a benchmark works on in each round.
func Events(b *testing.B) int {
	b.Helper()
	text := os.Getenv(Variable)
	if text == "" {
		return defaultEvents
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%s: want a number of events", Variable, text)
	}
	return n
}

// Work is what has been done so far, and what it took.
type Work struct {
	Events    int64
	Wall, CPU time.Duration
	Allocs    uint64
}

// Do adds what the function does, which returns its number of events.
func (w *Work) Do(f func() int) {
	var before, after runtime.MemStats
	runtime.GC() // each begins without the garbage of what came before
	runtime.ReadMemStats(&before)
	cpu, begun := cpuTime(), time.Now()
	w.Events += int64(f())
	w.Wall += time.Since(begun)
	w.CPU += cpuTime() - cpu
	runtime.ReadMemStats(&after)
	w.Allocs += after.Mallocs - before.Mallocs
}

// Rate is events a second.
func (w *Work) Rate() float64 { return float64(w.Events) / w.Wall.Seconds() }

// CPUPerMillion is seconds of processor time for a million events.
func (w *Work) CPUPerMillion() float64 { return w.CPU.Seconds() * 1e6 / float64(w.Events) }

// Report has the benchmark print the work's figures, and how it compares with
// its limit.
func (w *Work) Report(b *testing.B, limit *Work) {
	b.ReportMetric(0, "ns/op") // says nothing: an operation is a round of both
	b.ReportMetric(w.Rate(), "events/s")
	b.ReportMetric(limit.Rate(), "limit-events/s")
	b.ReportMetric(w.Rate()/limit.Rate(), "of-limit")
	b.ReportMetric(float64(w.Allocs)/float64(w.Events), "allocs/event")
	b.ReportMetric(w.CPUPerMillion(), "cpu-s/Mevents")
	b.ReportMetric(limit.CPUPerMillion(), "limit-cpu-s/Mevents")
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(fmt.Sprintf("getrusage: %v", err)) // fails only for a wrong argument
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
