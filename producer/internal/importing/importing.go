// Package importing sends the rows of files as purchases, in order: it reads,
// makes messages on all cores and sends, all at the same time.
//
// It does not know Kafka: messages go to a [Sink]. A row that has no form as an
// event is reported and counted, and the next one follows.
package importing

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"purchases/producer/internal/identity"
	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
)

// Source is one file.
type Source struct {
	// Name is what messages call the file; its extension tells the format.
	Name string
	// Size in bytes, or 0 when it is not known.
	Size int64
	// Stream says that the file can be read only once, such as a pipe. Its end is
	// the end: nothing is added to it later.
	Stream bool
	// Open starts to read from the beginning.
	Open func() (io.ReadCloser, error)
}

// Sink takes messages. A nil key is none. It may keep the slices.
type Sink interface {
	Send(ctx context.Context, key, value []byte) error
}

// Import is what to send from where and how.
type Import struct {
	// Sources are the files. They are one import: equal events in two of them
	// are two events.
	Sources []Source
	Rows    rows.Options
	Mapping mapping.Mapping
	// Origin is what the person calls the source of the files, or empty. Events
	// of different origins are different events.
	Origin string
	// Began is when the import began, which every event says. Zero means when
	// Run is called.
	Began time.Time
	// Undo sends retractions of the events in place of these.
	Undo bool
	// Complete takes a last row after which a file has no line end.
	Complete bool
	// Judge says of each message whether the reader of the topic will refuse it.
	Judge bool
	// Strict stops at the first malformed row.
	Strict bool
	Sink   Sink
	// Report is told about each row that is malformed, unfinished or, with
	// Judge, against the rules of the topic, as "file:line: what is wrong", in
	// order. Nil tells nobody.
	Report func(error)
	// Opened is told about each file before its rows are sent. Nil tells nobody.
	Opened func(name string, plan *mapping.Plan, missing []string)
	// Progress is told how many bytes of all files have been read for what was
	// sent. Nil tells nobody.
	Progress func(bytes int64)
	// Tallied is told the counts after each run of rows. Nil tells nobody.
	Tallied func(Tally)
}

// Tally counts what an import has done.
type Tally struct {
	Rows       int64 // = Sent + Malformed + LeftOut + Unfinished
	Malformed  int64
	Sent       int64 // handed to the sink
	LeftOut    int64 // by the mapping's condition
	Unfinished int64 // at the end of a file
	// DeadLetters are those sent that the reader of the topic will refuse, as
	// far as Judge has asked.
	DeadLetters int64
	// SameID are rows whose identifying columns are those of another row.
	SameID int64
	// Local are timestamps that named no zone; Skipped and Repeated are those
	// among them that do not exist and that exist twice, by the zone's clocks.
	Local, Skipped, Repeated int64
	// File and Line are the place of the last row; empty before the first.
	File string
	Line int
}

func (t *Tally) count(file string, m *message) {
	t.Rows++
	t.File, t.Line = file, m.line
	switch m.outcome {
	case malformed:
		t.Malformed++
	case leftOut:
		t.LeftOut++
	case unfinished:
		t.Unfinished++
	default:
		t.Sent++
		add(&t.DeadLetters, m.problem != nil)
		add(&t.Local, m.local)
		add(&t.Skipped, m.skipped)
		add(&t.Repeated, m.repeated)
	}
}

func add(to *int64, counts bool) {
	if counts {
		*to++
	}
}

// Check opens each file that can be opened twice and fits the mapping to its
// header, so that a mistake shows before anything is sent.
func (i *Import) Check() error {
	for _, s := range i.Sources {
		if s.Stream {
			continue
		}
		f, err := i.open(s)
		if err != nil {
			return err
		}
		f.close()
	}
	return nil
}

// Run sends everything. When ctx ends it stops after a whole row and returns
// the error of ctx; the tally is right in any case.
func (i *Import) Run(ctx context.Context) (Tally, error) {
	var tally Tally
	var before int64
	counter := identity.NewCounter()
	if i.Began.IsZero() {
		i.Began = time.Now()
	}
	for _, s := range i.Sources {
		f, err := i.openUntil(ctx, s)
		if err != nil {
			return tally, err
		}
		if i.Opened != nil {
			i.Opened(s.Name, f.plan, f.missing)
		}
		run := &run{Import: i, tally: &tally, before: before, counter: counter, ids: identity.NewDeriver(i.Origin)}
		if err := run.file(ctx, f); err != nil {
			return tally, err
		}
		before += s.Size
	}
	return tally, nil
}

// openUntil opens a source, which waits for the first rows of a pipe, unless
// ctx ends before.
func (i *Import) openUntil(ctx context.Context, s Source) (*file, error) {
	type opened struct {
		file *file
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := i.open(s)
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run is one file of an import on its way.
type run struct {
	*Import
	tally   *Tally
	before  int64 // bytes of the files before this one
	counter *identity.Counter
	ids     *identity.Deriver
}

// file sends the rows of one file. Nobody waits for the goroutine that reads: it
// closes the file when it comes back from a read, which on a terminal or a
// pipe can take for ever.
func (r *run) file(ctx context.Context, f *file) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	todo, inOrder := make(chan *batch), make(chan *batch, 2*workers)
	complete := r.Complete || f.source.Stream
	for range workers {
		e, err := f.plan.NewEncoder()
		if err != nil {
			return fmt.Errorf("%s: %w", f.source.Name, err)
		}
		go encode(ctx, r.newEncoder(e), complete, todo)
	}
	go f.read(ctx, todo, inOrder)
	for {
		select {
		case b, ok := <-inOrder:
			if !ok {
				return nil
			}
			if err := r.send(ctx, f.source.Name, b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *run) newEncoder(e *mapping.Encoder) *encoder {
	return &encoder{
		Encoder: e, ids: identity.NewDeriver(r.Origin), options: r.Import, importedAt: importedAt(r.Began),
	}
}

// send waits for the batch's messages and hands them on.
func (r *run) send(ctx context.Context, name string, b *batch) error {
	select {
	case <-b.encoded:
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range b.messages {
		if err := r.sendOne(ctx, &b.messages[i], name); err != nil {
			return err
		}
	}
	if r.Progress != nil {
		r.Progress(r.before + b.input)
	}
	if r.Tallied != nil {
		r.Tallied(*r.tally)
	}
	if b.err != nil {
		return fmt.Errorf("%s: read the row after line %d: %w", name, r.tally.Line, b.err)
	}
	return nil
}

// sendOne hands on the message of one row, or reports what is wrong with it.
func (r *run) sendOne(ctx context.Context, m *message, name string) error {
	if m.value != nil {
		r.tellApart(m)
		if err := r.Sink.Send(ctx, m.key, m.value); err != nil {
			return err
		}
	}
	r.tally.count(name, m)
	if m.problem == nil {
		return nil
	}
	err := fmt.Errorf("%s:%d: %w", name, m.line, m.problem)
	if r.Strict && m.outcome == malformed {
		return err
	}
	if r.Report != nil {
		r.Report(err)
	}
	return nil
}

// tellApart gives a message another id than those of equal events before it.
func (r *run) tellApart(m *message) {
	if m.idAt == 0 {
		return
	}
	switch k := r.counter.Next(m.first); {
	case k == 0:
	case m.content == nil:
		r.tally.SameID++
	default:
		writeID(m.value[m.idAt:], r.ids.ID(m.content, k))
	}
}
