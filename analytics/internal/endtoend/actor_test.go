package endtoend_test

import (
	"os/exec"
	"sync"
	"time"

	"purchases/analytics/internal/testkit/process"
)

// actor keeps one program running: when it ends, for whatever reason, it is
// started again, as a service manager does.
type actor struct {
	name    string
	command func() *exec.Cmd
	start   func(name string, command *exec.Cmd) (*process.Process, error)
	failed  func(error) // is told when the program ends by itself with an error

	mu       sync.Mutex
	wanted   bool
	once     bool // until it ends without an error
	taken    bool // somebody is doing something to it
	expected bool // its end is somebody's doing
	program  *process.Process
	over     chan struct{} // closed when it is not kept any more
}

const restartDelay = 100 * time.Millisecond

// keep starts the program and keeps it running. It says whether that is new.
func (a *actor) keep() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.wanted || a.taken || a.over != nil {
		return false
	}
	a.wanted, a.over = true, make(chan struct{})
	go a.supervise(a.over)
	return true
}

func (a *actor) supervise(over chan struct{}) {
	defer close(over)
	for {
		program := a.next()
		if program == nil {
			return
		}
		<-program.Done()
		a.ended(program.Err())
		time.Sleep(restartDelay)
	}
}

// next starts the program again, or returns nil when it is not wanted.
func (a *actor) next() *process.Process {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.wanted {
		a.over = nil
		return nil
	}
	program, err := a.start(a.name, a.command())
	if err != nil {
		a.failed(err)
		a.over = nil
		return nil
	}
	a.program, a.expected = program, false
	return program
}

func (a *actor) ended(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && !a.expected {
		a.failed(err)
	}
	if err == nil && a.once {
		a.wanted = false
	}
}

// take returns the program when it runs and nobody else has it, and has its
// end expected. Give hands it back.
func (a *actor) take() *process.Process {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken || a.program == nil || !a.program.Running() {
		return nil
	}
	a.taken, a.expected = true, true
	return a.program
}

func (a *actor) give() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.taken = false
	a.expected = !a.program.Running()
}

// release has the program not started again.
func (a *actor) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wanted = false
}

// finish waits until the program has ended without an error, and lets it be.
func (a *actor) finish() {
	a.mu.Lock()
	a.once = true
	over := a.over
	a.mu.Unlock()
	if over != nil {
		<-over
	}
}

// end stops the program for good and returns how it ended.
func (a *actor) end() error {
	a.mu.Lock()
	a.wanted = false
	program, over := a.program, a.over
	a.expected = true
	a.mu.Unlock()
	if over == nil {
		return nil
	}
	err := program.Terminate()
	<-over
	return err
}
