package endtoend_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/testkit/process"
)

// restartLimit is far above what a restart takes, which BenchmarkRestart tells,
// and below the session timeout and the transaction timeout, which are what it
// must not wait for.
const restartLimit = 5 * time.Second

// stream publishes one small batch after the other in the background. Stop
// waits for the end of the one at hand.
func (p *published) stream() (stop func()) {
	p.t.Helper()
	stopped, done, batches := make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(done)
		for {
			batches++
			generate := p.command("producer", "generate", append(p.flags(batches, 300), "--rate", "300")...)
			program, err := process.Start("producer", generate, filepath.Join(p.dir, "producer-stream.log"))
			if err == nil {
				err = program.Err()
			}
			if err != nil {
				p.t.Errorf("batch %d: %v", batches, err)
				return
			}
			select {
			case <-stopped:
				return
			default:
			}
		}
	}()
	return func() {
		p.t.Helper()
		close(stopped)
		<-done
		for n := range batches {
			p.expect(1, p.flags(n+1, 300))
		}
	}
}

// progress waits until the count has grown, and says how long that took.
func (p *published) progress(count func() int) time.Duration {
	p.t.Helper()
	begun := time.Now()
	for before := count(); count() <= before; time.Sleep(2 * time.Millisecond) {
		if p.t.Failed() {
			p.t.FailNow() // the stream has
		}
		if time.Since(begun) > patience {
			p.t.Fatal("nothing happens")
		}
	}
	return time.Since(begun)
}

// restart kills the program at work, starts it again and returns how long it
// took until it had done something.
func (p *published) restart(program *process.Process, count func() int) (*process.Process, time.Duration) {
	p.t.Helper()
	p.progress(count)
	program.Kill()
	again := p.launch(program.Name, "run")
	return again, p.progress(count)
}

func TestRestartAfterKill(t *testing.T) {
	p := newPublished(t)
	processor, analytics := p.launch("processor", "run"), p.launch("analytics", "run")
	stop, committed := p.stream(), p.committed()
	for range 3 {
		var took time.Duration
		if processor, took = p.restart(processor, committed); took > restartLimit {
			t.Errorf("the processor was at work after %s", took)
		}
		if analytics, took = p.restart(analytics, p.stored); took > restartLimit {
			t.Errorf("analytics was at work after %s", took)
		}
	}
	stop()
	processor.Kill()
	analytics.Kill()
	p.check()
}

// One of two processors is killed. The other one continues meanwhile, and nothing
// waits for a session to expire.
func TestOneOfTwoProcessorsIsKilled(t *testing.T) {
	p := newPublished(t)
	first := p.launch("processor", "run")
	p.logged(first, "assigned", 1)
	second := p.launch("processor", "run")
	p.logged(second, "assigned", 1)
	p.logged(first, "assigned", 2)
	stop, committed := p.stream(), p.committed()
	p.progress(committed)
	first.Kill()
	if took := p.progress(committed); took > restartLimit {
		t.Errorf("the other processor did nothing for %s", took)
	}
	begun := time.Now()
	again := p.launch("processor", "run")
	p.logged(again, "assigned", 1)
	if took := time.Since(begun); took > restartLimit {
		t.Errorf("the killed processor had its partitions again after %s", took)
	}
	stop()
	p.check(again, second)
	for _, member := range []*process.Process{first, again, second} {
		if strings.Contains(member.Log(), "interrupted") {
			t.Errorf("%s was interrupted:\n%s", member.LogFile, member.Log())
		}
	}
}

func BenchmarkRestart(b *testing.B) {
	for _, name := range []string{"processor", "analytics"} {
		b.Run(name, func(b *testing.B) {
			p := newPublished(b)
			programs := map[string]*process.Process{"processor": p.launch("processor", "run"),
				"analytics": p.launch("analytics", "run")}
			count := p.stored
			if name == "processor" {
				count = p.committed()
			}
			defer p.stream()()
			var sum, longest time.Duration
			for b.Loop() {
				var took time.Duration
				programs[name], took = p.restart(programs[name], count)
				sum, longest = sum+took, max(longest, took)
			}
			b.ReportMetric(0, "ns/op") // it includes the wait before the kill
			b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms/restart")
			b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
			for _, program := range []*process.Process{programs["processor"], programs["analytics"]} {
				program.Kill()
			}
		})
	}
}
