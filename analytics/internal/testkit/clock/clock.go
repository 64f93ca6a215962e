// Package clock measures how long a benchmark's parts take, by the clock and
// in CPU time: where others use the same machine, only the latter says much.
package clock

import (
	"syscall"
	"time"
)

// Pace is the time that some operations took together.
type Pace struct{ Wall, CPU, Longest time.Duration }

// Time adds the time that the operation takes. The CPU time is that of the
// whole process.
func (p *Pace) Time(operation func() error) error {
	cpu, began := used(), time.Now()
	err := operation()
	took := time.Since(began)
	p.Wall += took
	p.Longest = max(p.Longest, took)
	p.CPU += used() - cpu
	return err
}

// Rate is how many of n there were in a second.
func (p *Pace) Rate(n int) float64 { return float64(n) / p.Wall.Seconds() }

// PerOne is the CPU time of each of n, in microseconds.
func (p *Pace) PerOne(n int) float64 { return p.CPU.Seconds() * 1e6 / float64(n) }

func used() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails only for a wrong argument
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
