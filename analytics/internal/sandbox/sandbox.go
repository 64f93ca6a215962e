// Package sandbox runs a SELECT that nobody has checked in a process of its
// own: this program again, under limits of memory, processor time and files,
// which the kernel and SQLite enforce. It ends at the deadline of its context,
// wherever SQLite is by then, and takes nothing of this process with it.
//
// A program that runs statements calls [Main] before anything else. How many
// run at a time is the caller's business.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
)

// Limits of one process, beside [memoryLimit].
const (
	HeapLimit  = 128 << 20 // bytes that SQLite allocates, temporary tables included
	fileLimit  = 64 << 20  // bytes of a file; only SQLite's shared memory for the log is one
	filesLimit = 32        // open files
	cpuSlack   = time.Second
	noCPULimit = math.MaxInt32 // seconds
	waitDelay  = time.Second   // for the end of a killed process's output
)

// command is the argument that makes this program the other process.
const command = "sandboxed-select"

// Request is one SELECT for one database.
type Request struct {
	Database  string // the path
	Statement string
	Args      []query.Arg // bound by name
}

// Answer is what one process answers. It is a [query.Source].
type Answer struct {
	// Freshness is what the answer reflects.
	Freshness freshness.Freshness

	ctx      context.Context
	cancel   context.CancelFunc
	process  *exec.Cmd
	cpu      int64 // seconds that it may use
	stderr   *tail
	in       io.Closer // the process ends when it is closed
	messages *reader
	columns  []string
	closed   sync.Once
}

// Run starts the process and returns when it has opened the database. The
// statement ends with ctx. Its error is one of those of [Answer.All].
func Run(ctx context.Context, r Request) (*Answer, error) {
	a := &Answer{stderr: &tail{}}
	a.ctx, a.cancel = context.WithCancel(ctx)
	if err := a.start(r); err != nil {
		a.cancel()
		return nil, fmt.Errorf("start a process for the statement: %w", err)
	}
	if err := a.messages.readJSON(freshnessMessage, &a.Freshness); err != nil {
		return nil, errors.Join(a.explain(err), a.Close())
	}
	return a, nil
}

func (a *Answer) start(r Request) error {
	path, err := executable()
	if err != nil {
		return err
	}
	a.process = exec.CommandContext(a.ctx, path, command)
	a.process.Env = []string{"GOMAXPROCS=2", "GOTRACEBACK=none"} // none of this process's settings and secrets
	a.process.Stderr, a.process.WaitDelay = a.stderr, waitDelay
	confine(a.process)
	in, err := a.process.StdinPipe()
	if err != nil {
		return err
	}
	out, err := a.process.StdoutPipe()
	if err != nil {
		return err
	}
	a.in, a.messages = in, newReader(out)
	if err := a.process.Start(); err != nil {
		return err
	}
	job := newJob(a.ctx, r)
	a.cpu = job.CPU
	if err := json.MarshalWrite(in, job); err == nil {
		_, _ = in.Write([]byte("\n")) // a process that has died says so when its answer is read
	}
	return nil
}

// executable is this program, also after its file has been replaced.
func executable() (string, error) {
	if _, err := os.Stat("/proc/self/exe"); err == nil {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// Columns waits until SQLite has compiled the statement.
func (a *Answer) Columns() ([]string, error) {
	if a.columns == nil {
		if err := a.messages.readJSON(columnsMessage, &a.columns); err != nil {
			return nil, a.explain(err)
		}
	}
	return a.columns, nil
}

// All yields the rows, see [query.Source]. Its error is a [*StatementError],
// [ErrMemory], that of the context, or a failure of the database.
func (a *Answer) All() iter.Seq2[query.Row, error] {
	return func(yield func(query.Row, error) bool) {
		names, err := a.Columns()
		if err != nil {
			yield(nil, err)
			return
		}
		row := make(query.Row, len(names))
		for err == nil {
			if err = a.messages.readRow(row); err == nil && !yield(row, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(nil, a.explain(err))
		}
	}
}

// Close ends the process, if it has not ended.
func (a *Answer) Close() error {
	a.closed.Do(func() {
		a.cancel()
		_ = a.process.Wait() // its answer has said what there is to say
		_ = a.in.Close()
	})
	return nil
}
