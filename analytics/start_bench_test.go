package main_test

import (
	"testing"
	"time"
)

// BenchmarkStart measures from the start of the process to the first row that a
// reader sees in a database that is new: of analytics, where the events are
// there already, and of processor and analytics together, where the purchases are.
func BenchmarkStart(b *testing.B) {
	bootstrap := trialCluster(b)
	b.Run("analytics", func(b *testing.B) {
		measureStarts(b, bootstrap, func(r *trial) { r.run(r.processor("--drain")...) }, (*trial).analytics)
	})
	b.Run("processor-and-analytics", func(b *testing.B) {
		measureStarts(b, bootstrap, func(*trial) {}, (*trial).processor, (*trial).analytics)
	})
}

func measureStarts(b *testing.B, bootstrap string, prepare func(*trial), commands ...func(r *trial, args ...string) []string) {
	var sum, longest time.Duration
	for b.Loop() {
		r := newTrial(b, bootstrap)
		r.generate()
		prepare(r)
		begun := time.Now()
		var programs []*program
		for _, command := range commands {
			programs = append(programs, r.start("", command(r)...))
		}
		r.awaitRow()
		took := time.Since(begun)
		sum, longest = sum+took, max(longest, took)
		for _, p := range programs {
			p.kill()
		}
	}
	b.ReportMetric(0, "ns/op") // it is mostly the making of topics
	b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms/start")
	b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
}

// awaitRow waits until a reader sees something in the database.
func (r *trial) awaitRow() {
	r.t.Helper()
	for deadline := time.Now().Add(trialPatience); r.stored() == 0; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatal("nothing is stored")
		}
	}
}
