// Package process runs programs beside a test, so that it can kill, pause and
// restart them. On Linux they end with the test's own process, however that
// ends; elsewhere only when the test ends in an orderly way.
package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	grace       = time.Minute // how long a program may take to end after SIGTERM
	interrupted = 130         // exit status
)

// Process is one program that was started. Its methods may be called from
// several goroutines, and after its end.
type Process struct {
	Name string
	// LogFile holds what the program writes to stderr, and to stdout unless
	// the command sent that elsewhere.
	LogFile string

	command *exec.Cmd
	done    chan struct{}
	err     error // read after done
}

// Start starts the command; its output is appended to the log file.
func Start(name string, command *exec.Cmd, logFile string) (*Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = log.Close() }() // the program has its own copy
	if command.Stdout == nil {
		command.Stdout = log
	}
	command.Stderr = log
	dieWithParent(command)
	p := &Process{Name: name, LogFile: logFile, command: command, done: make(chan struct{})}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		p.err = command.Wait()
	}()
	return p, nil
}

// Pid is the program's process id.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running says whether the program has not ended yet; a paused one runs.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Err waits for the program's end and returns how it failed, with the last
// line that it wrote, or nil after exit status 0.
func (p *Process) Err() error {
	<-p.done
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", p.Name, p.err, p.lastLine())
}

// Log is what the log file holds, of this program and of those before it.
func (p *Process) Log() string {
	text, _ := os.ReadFile(p.LogFile)
	return string(text)
}

// Says says whether the program has written the text by now.
func (p *Process) Says(text string) bool { return strings.Contains(p.Log(), text) }

func (p *Process) lastLine() string {
	lines := strings.Split(strings.TrimSpace(p.Log()), "\n")
	return lines[len(lines)-1]
}

// EndedBy waits for the program's end and says whether it was the signal.
func (p *Process) EndedBy(s syscall.Signal) bool {
	<-p.done
	status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == s
}

// Kill ends the program as kill -9 does and waits until it is gone.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Pause stops the program in its tracks (SIGSTOP) until Resume.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume lets a paused program go on (SIGCONT).
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Terminate asks the program to end (SIGTERM) and returns [Process.Err], but
// nil for the exit status 130 of one that had not finished. It is an error when
// the end takes more than a minute; the program is killed then.
func (p *Process) Terminate() error {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if p.command.ProcessState.ExitCode() == interrupted {
			return nil
		}
		return p.Err()
	case <-time.After(grace):
		p.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.Name, grace)
	}
}

// signal ignores that the program has ended: the caller looks at Done.
func (p *Process) signal(s os.Signal) {
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(fmt.Sprintf("send %v to %s: %v", s, p.Name, err)) // one's own child can always be signalled
	}
}
