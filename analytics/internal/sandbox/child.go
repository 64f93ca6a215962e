package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
)

// job is a [Request] as the other process gets it.
type job struct {
	Database, Statement string
	Args                []argument
	CPU                 int64 // seconds of processor time
}

// argument keeps the types of values apart, which JSON alone would not.
type argument struct {
	Name    string
	Text    *string
	Integer *int64
}

func newJob(ctx context.Context, r Request) job {
	j := job{Database: r.Database, Statement: r.Statement, CPU: noCPULimit}
	if deadline, ok := ctx.Deadline(); ok {
		j.CPU = max(int64((time.Until(deadline)+cpuSlack)/time.Second), 1)
	}
	for _, arg := range r.Args {
		a := argument{Name: arg.Name}
		switch v := arg.Value.(type) {
		case int64:
			a.Integer = &v
		case string:
			a.Text = &v
		}
		j.Args = append(j.Args, a)
	}
	return j
}

func (j job) args() (args []query.Arg) {
	for _, a := range j.Args {
		arg := query.Arg{Name: a.Name}
		switch {
		case a.Integer != nil:
			arg.Value = *a.Integer
		case a.Text != nil:
			arg.Value = *a.Text
		}
		args = append(args, arg)
	}
	return args
}

// Main runs a statement and exits where this process was started for that;
// elsewhere it does nothing.
func Main() {
	if len(os.Args) != 2 || os.Args[1] != command {
		return
	}
	out := writer{bufio.NewWriter(os.Stdout)}
	if err := work(out); err != nil {
		_ = out.writeJSON(failureMessage, newFailure(err)) // who asked may be gone
		os.Exit(1)
	}
	os.Exit(0)
}

// work reads the job, and runs it under its limits.
func work(out writer) error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	var j job
	if err := json.Unmarshal(line, &j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	go exitWithParent(in)
	if err := limit(j.CPU); err != nil {
		return fmt.Errorf("limit the process: %w", err)
	}
	const goMemory = 96 << 20 // from here on Go collects more often
	debug.SetMemoryLimit(goMemory)
	return run(out, j)
}

// exitWithParent ends this process when the other one closes its input or ends.
func exitWithParent(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
	os.Exit(1)
}

func run(out writer, j job) (err error) {
	pool, err := readonly.OpenConfined(j.Database, HeapLimit)
	if err != nil {
		return err
	}
	snapshot, err := pool.Snapshot(context.Background())
	if err != nil {
		return err
	}
	fresh, err := freshness.Read(context.Background(), snapshot)
	if err != nil {
		return err
	}
	if err := out.writeJSON(freshnessMessage, fresh); err != nil {
		return err
	}
	return answer(out, snapshot, j)
}

func answer(out writer, snapshot *readonly.Snapshot, j job) error {
	source, err := query.Start(context.Background(), snapshot, j.Statement, j.args())
	if err != nil {
		return err
	}
	names, err := source.Columns()
	if err != nil {
		return err
	}
	if err := out.writeJSON(columnsMessage, names); err != nil {
		return err
	}
	flushing := &lockedWriter{writer: out}
	go flushing.often()
	for row, err := range source.All() {
		if err != nil {
			flushing.mu.Lock()
			return err
		}
		if err := flushing.writeRow(row); err != nil {
			return err
		}
	}
	flushing.mu.Lock()
	return errors.Join(out.WriteByte(endMessage), out.Flush())
}

// lockedWriter lets rows that come slowly be read before its buffer is full.
type lockedWriter struct {
	mu sync.Mutex
	writer
}

func (w *lockedWriter) writeRow(row query.Row) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writer.writeRow(row)
}

func (w *lockedWriter) often() {
	for range time.Tick(50 * time.Millisecond) {
		w.mu.Lock()
		_ = w.Flush() // the next row says what is wrong
		w.mu.Unlock()
	}
}

// tail keeps the beginning of what a process says when it dies.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 1000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[:min(len(p), most-len(t.text))]...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
