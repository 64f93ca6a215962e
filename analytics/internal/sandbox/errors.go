package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/readonly"
)

// ErrMemory is the error of a statement that needs more memory than it gets.
var ErrMemory = errors.New("out of memory")

// StatementError is an error whose cause is the statement and not the database.
type StatementError struct{ Text string }

func (e *StatementError) Error() string { return e.Text }

// failure is how a process ends that cannot answer: an error of SQLite by its
// code, any other by its text.
type failure struct {
	Text     string
	Code     int  // of SQLite, 0 for none
	Extended int  // of SQLite
	Memory   bool // the limit of memory was reached
	OwnFault bool // of the statement
}

// newFailure describes an error for the other process.
func newFailure(err error) failure {
	var own *StatementError
	f := failure{Text: err.Error(), OwnFault: errors.As(err, &own) || errors.Is(err, readonly.ErrNotOneStatement) ||
		errors.Is(err, readonly.ErrParameters)}
	if fault := (sqlite3.Error{}); errors.As(err, &fault) {
		f.Code, f.Extended = int(fault.Code), int(fault.ExtendedCode)
		f.Memory = fault.Code == sqlite3.ErrNomem
		f.OwnFault = ownFault(fault.Code)
		if f.Text = fault.Error(); fault.Code == sqlite3.ErrAuth {
			f.Text += ": only a SELECT of tables and views is"
		}
	}
	return f
}

// ownFault says whether the code is about the statement.
func ownFault(code sqlite3.ErrNo) bool {
	switch code {
	case sqlite3.ErrError, sqlite3.ErrAuth, sqlite3.ErrTooBig, sqlite3.ErrMismatch, sqlite3.ErrRange, sqlite3.ErrReadonly,
		sqlite3.ErrConstraint:
		return true
	}
	return false
}

// err is the error that the failure was.
func (f failure) err() error {
	switch {
	case f.Memory:
		return fmt.Errorf("%w: a statement gets %d MiB; read fewer rows, or sort and collect less", ErrMemory, HeapLimit>>20)
	case f.OwnFault:
		return &StatementError{f.Text}
	case f.Code != 0:
		return sqlite3.Error{Code: sqlite3.ErrNo(f.Code), ExtendedCode: sqlite3.ErrNoExtended(f.Extended)}
	}
	return errors.New(f.Text)
}

// explain finds out why the answer ends in err. A process that says nothing
// was killed: at the deadline, by a limit, or by the kernel for its memory.
func (a *Answer) explain(err error) error {
	if failed := (*failedError)(nil); errors.As(err, &failed) {
		return failed.failure.err()
	}
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) { // it makes no sense, and may go on
		return errors.Join(fmt.Errorf("read the answer of a statement: %w", err), a.Close())
	}
	a.closed.Do(func() { _ = a.process.Wait() }) // its end is near
	state := a.process.ProcessState
	switch {
	case a.ctx.Err() != nil:
		return context.Cause(a.ctx)
	case state.UserTime()+state.SystemTime() >= time.Duration(a.cpu)*time.Second:
		return fmt.Errorf("%w: the CPU time limit has expired", context.DeadlineExceeded)
	case strings.Contains(a.stderr.String(), "memory"), state.ExitCode() < 0:
		return failure{Memory: true}.err()
	}
	return fmt.Errorf("the statement's process exited without an answer: %.200s", a.stderr.String())
}
