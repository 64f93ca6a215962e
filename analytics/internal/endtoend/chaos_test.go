package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"purchases/analytics/internal/testkit/audit"
	"purchases/analytics/internal/testkit/cluster"
	"purchases/analytics/internal/testkit/process"
)

type chaosOptions struct {
	duration time.Duration
	seed     uint64
}

const (
	batchSize     = 2000
	batchRate     = 500              // events a second
	mostMembers   = 4                // processors at once
	longestPause  = 12 * time.Second // longer than every session's timeout
	settlingTime  = 5 * time.Minute
	invalidRatio  = "0.02"
	doubledRatio  = "0.02"
	startOfEvents = "2026-01-01T00:00:00Z"
)

// TestChaos runs the three programs, and ends, pauses and restarts them and the
// brokers of a real cluster at random, as the seed says. Then everything comes
// to rest, and the logs and the statistics must be those of the input.
func TestChaos(t *testing.T) {
	if current.chaos.duration == 0 {
		t.Skip("NOT TESTED here: chaos runs with `make chaos`")
	}
	t.Logf("seed %d, %s", current.chaos.seed, current.chaos.duration)
	c := newChaos(t)
	live, stopReading := c.readAllTheTime()
	c.rage()
	c.settle()
	stopReading()
	c.compare(live)
	t.Logf("%s", c)
}

// chaos is one run.
type chaos struct {
	*machine
	random     *rand.Rand // of the one goroutine that chooses
	generator  *actor
	analytics  *actor
	processors []*actor
	batches    []audit.Batch
	follow     sync.WaitGroup // what ends a fault after a while
	broken     atomic.Bool    // a broker is, or the cluster is not in sync again yet
	done       map[string]int // by what was done; of the one goroutine that chooses
	began      time.Time
	records    int

	mu       sync.Mutex
	failures []string // how programs ended by themselves
}

func newChaos(t *testing.T) *chaos {
	c := &chaos{machine: newMachine(t), random: rand.New(rand.NewPCG(current.chaos.seed, 0)), done: map[string]int{},
		began: time.Now()}
	c.generator = c.actor("producer", c.nextBatch)
	c.analytics = c.actor("analytics", func() *exec.Cmd { return c.command("analytics", "run") })
	for i := range mostMembers {
		c.processors = append(c.processors, c.actor(fmt.Sprintf("processor-%d", i+1), func() *exec.Cmd {
			return c.command("processor", "run", "--batch-size", "200")
		}))
	}
	return c
}

// nextBatch is the command that publishes the batch at hand: the last one again
// when that was interrupted, else a new one. The generator's goroutine calls it.
func (c *chaos) nextBatch() *exec.Cmd {
	n := len(c.batches)
	if last := c.generator.program; n == 0 || last != nil && last.Err() == nil {
		c.batches = append(c.batches, audit.Batch{})
		n++
	}
	c.batches[n-1].Runs++
	return c.command("producer", "generate", append(c.batchFlags(n-1), "--rate", fmt.Sprint(batchRate))...)
}

func (c *chaos) batchFlags(n int) []string {
	return []string{
		"--seed", fmt.Sprint(current.chaos.seed + uint64(n)), "--count", fmt.Sprint(batchSize), "--start", startOfEvents,
		"--invalid-ratio", invalidRatio, "--duplicate-ratio", doubledRatio,
	}
}

// readAllTheTime reads the results while the chaos lasts.
func (c *chaos) readAllTheTime() (live *audit.Reader, stop func()) {
	c.t.Helper()
	live, err := audit.NewReader(c.cluster.Addresses, c.events(), c.letters())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(live.Close)
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan error, 1)
	go func() { done <- live.Follow(ctx) }()
	return live, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("the reader that read all the time: %v", err)
		}
	})
}

// rage does one thing after the other until the time is over.
func (c *chaos) rage() {
	c.generator.keep()
	c.analytics.keep()
	c.processors[0].keep()
	actions := c.actions()
	for end := time.Now().Add(current.chaos.duration); time.Now().Before(end) && !c.t.Failed(); {
		time.Sleep(c.duration(200*time.Millisecond, 2*time.Second)) // the pace of the faults, not a wait for anything
		actions[c.random.IntN(len(actions))]()
	}
	c.follow.Wait()
}

func (c *chaos) duration(least, most time.Duration) time.Duration {
	return least + time.Duration(c.random.Int64N(int64(most-least)))
}

// actions lists what can happen, often what is to happen often.
func (c *chaos) actions() []func() {
	actions := []func(){
		func() { c.kill(c.generator) },
		func() { c.pause(c.generator) },
		func() { c.kill(c.analytics) },
		func() { c.kill(c.analytics) },
		func() { c.stop(c.analytics) },
		func() { c.pause(c.analytics) },
	}
	for _, p := range c.processors {
		actions = append(actions,
			func() { c.join(p) },
			func() { c.join(p) },
			func() { c.kill(p) },
			func() { c.kill(p) },
			func() { c.stop(p) },
			func() { c.leave(p) },
			func() { c.pause(p) },
		)
	}
	for _, b := range c.cluster.Brokers {
		actions = append(actions, func() { c.breakBroker(b) }, func() { c.breakBroker(b) })
	}
	return actions
}

func (c *chaos) actor(name string, command func() *exec.Cmd) *actor {
	var runs int
	a := &actor{name: name, command: command, failed: c.failed}
	a.start = func(name string, command *exec.Cmd) (*process.Process, error) {
		runs++
		return process.Start(name, command, filepath.Join(c.dir, fmt.Sprintf("%s-%d.log", name, runs)))
	}
	return a
}

// failed notes that a program gave up. It is started again, and the numbers
// must be right all the same.
func (c *chaos) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, err.Error())
	c.t.Logf("%7.1fs failed: %v", time.Since(c.began).Seconds(), err)
}

// note counts what is done and says so.
func (c *chaos) note(what, whom string) {
	c.done[what]++
	c.t.Logf("%7.1fs %s %s", time.Since(c.began).Seconds(), what, whom)
}

// kill ends the program with kill -9; it is started again at once.
func (c *chaos) kill(a *actor) {
	if p := a.take(); p != nil {
		c.note("kill", a.name)
		p.Kill()
		a.give()
	}
}

// stop ends the program with SIGTERM; it is started again at once.
func (c *chaos) stop(a *actor) {
	if p := a.take(); p != nil {
		c.note("stop", a.name)
		c.follow.Go(func() { c.terminate(a, p) })
	}
}

// pause holds the program up, perhaps for so long that others take over.
func (c *chaos) pause(a *actor) {
	length := c.duration(0, longestPause)
	if p := a.take(); p != nil {
		c.note("pause", a.name)
		p.Pause()
		c.follow.Go(func() {
			time.Sleep(length)
			p.Resume()
			a.give()
		})
	}
}

// terminate ends a program with SIGTERM. Only the generator has not done what
// it was to do when it is stopped.
func (c *chaos) terminate(a *actor, p *process.Process) {
	if err := p.Terminate(); err != nil && (p.Log() != "" || !p.EndedBy(syscall.SIGTERM)) { // or it had not begun
		c.failed(fmt.Errorf("stopped by SIGTERM: %w", err))
	}
	a.give()
}

func (c *chaos) join(a *actor) {
	if a.keep() {
		c.note("join", a.name)
	}
}

func (c *chaos) leave(a *actor) {
	if p := a.take(); p != nil {
		c.note("leave", a.name)
		a.release()
		c.follow.Go(func() { c.terminate(a, p) })
	}
}

// breakBroker has one broker fail for a while, if all are well. The embedded
// broker is only paused: it is not crash-atomic.
func (c *chaos) breakBroker(b *cluster.Broker) {
	length, kind := c.duration(0, longestPause), c.random.IntN(4)
	if !c.broken.CompareAndSwap(false, true) {
		return
	}
	var mend func() error
	switch {
	case kind == 0 || len(c.cluster.Brokers) == 1:
		c.note("pause broker", b.Address)
		b.Pause()
		mend = func() error { b.Resume(); return nil }
	case kind == 1:
		c.note("stop broker", b.Address)
		mend = func() error { return errors.Join(b.Stop(), b.Start(c.t.Context())) }
		length = 0
	default:
		c.note("kill broker", b.Address)
		b.Kill()
		mend = func() error { return c.cluster.Restart(c.t.Context(), b) }
	}
	c.follow.Go(func() {
		time.Sleep(length)
		err := mend()
		if err == nil {
			err = c.cluster.AwaitInSync(c.within(settlingTime))
		}
		if err != nil {
			c.t.Errorf("mend broker %s: %v", b.Address, err)
		}
		c.broken.Store(false)
	})
}

// settle lets everything be published, processed and stored.
func (c *chaos) settle() {
	c.t.Helper()
	c.t.Logf("%7.1fs settle", time.Since(c.began).Seconds())
	c.generator.finish()
	c.drain("processor")
	for _, a := range append(c.processors, c.analytics) {
		if err := a.end(); err != nil {
			c.t.Errorf("stopped by SIGTERM in the end: %v", err)
		}
	}
	c.drain("analytics")
}

func (c *chaos) drain(program string) {
	c.t.Helper()
	p := c.launch(program, "run", "--drain")
	select {
	case <-p.Done():
	case <-time.After(settlingTime):
		p.Kill()
	}
	if err := p.Err(); err != nil {
		c.t.Fatalf("drain: %v", err)
	}
}

// compare compares everything with everything.
func (c *chaos) compare(live *audit.Reader) {
	c.t.Helper()
	ctx := c.within(settlingTime)
	logs := c.readLogs(ctx)
	c.records = len(logs.Input)
	for n := range c.batches {
		c.batches[n].Values = audit.Lines([]byte(c.run("producer", "generate", append(c.batchFlags(n), "--dry-run")...)))
	}
	seen, err := live.ReadToEnd(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, err := range []error{
		audit.Input(logs.Input, c.batches),
		audit.Processed(logs),
		audit.Same(seen[c.events()], logs.Events),
		audit.Same(seen[c.letters()], logs.Letters),
		audit.Database(ctx, c.database(), logs),
	} {
		if err != nil {
			c.t.Error(err)
		}
	}
}

// String says what was done to how many events.
func (c *chaos) String() string {
	var text strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.done)) {
		fmt.Fprintf(&text, "%s %d, ", what, c.done[what])
	}
	return fmt.Sprintf("%d records in %d batches, %d programs ended by themselves; %s", c.records, len(c.batches),
		len(c.failures), text.String())
}
