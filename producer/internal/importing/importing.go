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

	"purchases/producer/internal/mapping"
	"purchases/producer/internal/rows"
)

// Source is one file.
type Source struct {
	// Name is what messages call the file; its extension tells the format.
	Name string
	// Size in bytes, or 0 when it is not known.
	Size int64
	// Stream says that the file can be read only once, such as a pipe.
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
	Sources []Source
	Rows    rows.Options
	Mapping mapping.Mapping
	// Strict stops at the first malformed row.
	Strict bool
	Sink   Sink
	// Malformed is told about each malformed row, as "file:line: what is
	// wrong", in order. Nil tells nobody.
	Malformed func(error)
	// Progress is told how many bytes of all files have been read for what was
	// sent. Nil tells nobody.
	Progress func(bytes int64)
}

// Tally counts what an import has done.
type Tally struct {
	Rows      int64 // = Sent + Malformed
	Malformed int64
	Sent      int64 // handed to the sink
	// File and Line are the place of the last row; empty before the first.
	File string
	Line int
}

func (t *Tally) count(file string, line int) {
	t.Rows++
	t.File, t.Line = file, line
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
	for _, s := range i.Sources {
		f, err := i.open(s)
		if err != nil {
			return tally, err
		}
		run := &run{Import: i, tally: &tally, before: before}
		if err := run.file(ctx, f); err != nil {
			return tally, err
		}
		before += s.Size
	}
	return tally, nil
}

// file is a source that is open and fits the mapping.
type file struct {
	name   string
	reader *rows.Reader
	plan   *mapping.Plan
	close  func()
}

func (i *Import) open(s Source) (*file, error) {
	text, err := s.Open()
	if err != nil {
		return nil, err
	}
	closeText := func() { _ = text.Close() }
	reader, err := i.Rows.Open(s.Name, text)
	if err != nil {
		closeText()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	f := &file{name: s.Name, reader: reader, close: func() { reader.Close(); closeText() }}
	if f.plan, err = i.Mapping.Plan(reader.Header()); err != nil {
		f.close()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return f, nil
}

// run is one file of an import on its way.
type run struct {
	*Import
	tally  *Tally
	before int64 // bytes of the files before this one
}

// file sends the rows of one file. Nobody waits for the goroutine that reads: it
// closes the file when it comes back from a read, which on a terminal or a
// pipe can take for ever.
func (r *run) file(ctx context.Context, f *file) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	todo, inOrder := make(chan *batch), make(chan *batch, 2*workers)
	go f.read(ctx, todo, inOrder)
	for range workers {
		go encode(ctx, f.plan.NewEncoder(), todo)
	}
	for {
		select {
		case b, ok := <-inOrder:
			if !ok {
				return nil
			}
			if err := r.send(ctx, f.name, b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
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
		if err := r.sendOne(ctx, &b.messages[i], name, b.rows[i].Line); err != nil {
			return err
		}
	}
	if r.Progress != nil {
		r.Progress(r.before + b.input)
	}
	if b.err != nil {
		return fmt.Errorf("%s: read the row after line %d: %w", name, r.tally.Line, b.err)
	}
	return nil
}
