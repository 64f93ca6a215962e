// Package progress shows how far long work has come: a bar on a terminal, a
// log line every few seconds elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const (
	barInterval  = 200 * time.Millisecond
	lineInterval = 5 * time.Second
)

// Bytes is the unit whose numbers are shown as kB, MB and so on.
const Bytes = "B"

// Bar shows the progress of one piece of work. Its methods may be called from
// several goroutines, and Add and Set cost next to nothing.
type Bar struct {
	done   atomic.Int64
	note   atomic.Pointer[string]
	stop   chan struct{}
	ended  sync.WaitGroup
	finish sync.Once
}

// display draws how far the work is.
type display interface {
	show(done int64, note string)
	close()
}

// New starts to show progress on w until Finish. The label begins each line; a
// total of 0 or less means that it is unknown; unit is what is counted, such as
// "events" or [Bytes].
func New(w io.Writer, label string, total int64, unit string) *Bar {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return start(newTerminal(w, label, total, unit), barInterval)
	}
	return start(&lines{w: w, label: label, total: total, unit: unit, began: time.Now()}, lineInterval)
}

func start(d display, interval time.Duration) *Bar {
	b := &Bar{stop: make(chan struct{})}
	b.ended.Go(func() { b.run(d, interval) })
	return b
}

func (b *Bar) run(d display, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	defer d.close()
	for {
		select {
		case <-ticker.C:
			d.show(b.done.Load(), b.noted())
		case <-b.stop:
			return
		}
	}
}

// Add counts n more as done.
func (b *Bar) Add(n int64) { b.done.Add(n) }

// Set says that n in all are done.
func (b *Bar) Set(n int64) { b.done.Store(n) }

// Note says more than a number can, in a few words; it stands until the next note.
func (b *Bar) Note(text string) { b.note.Store(&text) }

func (b *Bar) noted() string {
	if note := b.note.Load(); note != nil {
		return *note
	}
	return ""
}

// Finish removes the bar. After it nothing more is written to the writer.
func (b *Bar) Finish() {
	b.finish.Do(func() { close(b.stop) })
	b.ended.Wait()
}

type terminal struct {
	bar         *progressbar.ProgressBar
	label, note string
}

func newTerminal(w io.Writer, label string, total int64, unit string) *terminal {
	if total <= 0 {
		total = -1
	}
	return &terminal{label: label, bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(label),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionShowBytes(unit == Bytes),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)}
}

func (t *terminal) show(done int64, note string) {
	if note != t.note { // each description draws the bar
		t.note = note
		t.bar.Describe(withNote(t.label, note))
	}
	_ = t.bar.Set64(done)
}

func (t *terminal) close() { _ = t.bar.Finish() }

func withNote(text, note string) string {
	if note == "" {
		return text
	}
	return text + ", " + note
}

type lines struct {
	w           io.Writer
	label, unit string
	total       int64
	began       time.Time
}

func (l *lines) show(done int64, note string) {
	fmt.Fprintln(l.w, withNote(line(l.label, l.unit, done, l.total, time.Since(l.began)), note))
}

func (l *lines) close() {}

// line is one log line: what is done, the rate, and the time left.
func line(label, unit string, done, total int64, elapsed time.Duration) string {
	rate := float64(done) / max(elapsed.Seconds(), 1e-9)
	if total <= 0 {
		return fmt.Sprintf("%s: %d %s, %.0f %s/s", label, done, unit, rate, unit)
	}
	text := fmt.Sprintf("%s: %d of %d %s (%d%%), %.0f %s/s", label, done, total, unit, 100*done/total, rate, unit)
	if rate == 0 || done > total {
		return text
	}
	left := time.Duration(float64(total-done) / rate * float64(time.Second))
	return fmt.Sprintf("%s, %s left", text, left.Round(time.Second))
}
