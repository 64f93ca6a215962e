package importing

import (
	"context"
	"errors"
	"io"

	"purchases/producer/internal/rows"
)

const (
	batchRows  = 512
	batchBytes = 256 << 10 // of the cells; exceeded by one row at most
	usualCells = 8
	// messageSize is a guess in bytes that saves most batches a second
	// allocation.
	messageSize = 352
)

// batch is a run of rows that goes from the reader to an encoder and, in the
// order of the file, to the sink.
type batch struct {
	rows     []rows.Row
	room     []string // for further cells
	messages []message
	input    int64         // bytes of the file that were read for it and before
	err      error         // of the input, after the rows
	encoded  chan struct{} // closed when messages is complete
}

func newBatch() *batch {
	return &batch{
		rows: make([]rows.Row, 0, batchRows), room: make([]string, 0, batchRows*usualCells), encoded: make(chan struct{}),
	}
}

// read puts batches on both channels until the file or ctx ends.
func (f *file) read(ctx context.Context, todo, inOrder chan<- *batch) {
	defer f.close()
	defer close(inOrder)
	defer close(todo)
	for {
		b := newBatch()
		err := b.fill(f)
		b.input = f.reader.InputBytes()
		if !errors.Is(err, io.EOF) {
			b.err = err
		}
		if !put(ctx, inOrder, b) || !put(ctx, todo, b) || err != nil {
			return
		}
	}
}

func put(ctx context.Context, to chan<- *batch, b *batch) bool {
	select {
	case to <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// fill reads rows until the batch is full, or until it would have to wait for
// more: what a slow pipe has delivered is not held back.
func (b *batch) fill(f *file) error {
	for size := 0; len(b.rows) < batchRows && size < batchBytes; {
		row := rows.Row{Cells: b.room}
		if err := f.next(&row); err != nil {
			return err
		}
		n := len(row.Cells)
		b.room, row.Cells = row.Cells[n:], row.Cells[:n:n]
		b.rows = append(b.rows, row)
		for _, cell := range row.Cells {
			size += len(cell)
		}
		if f.wouldBlock() {
			return nil
		}
	}
	return nil
}

func encode(ctx context.Context, e *encoder, complete bool, todo <-chan *batch) {
	for b := range todo {
		b.encode(e, complete)
		close(b.encoded)
		if ctx.Err() != nil {
			return
		}
	}
}

// encode makes the messages in one piece of memory, which lives until the sink
// is done with the last of them.
func (b *batch) encode(e *encoder, complete bool) {
	b.messages = make([]message, 0, len(b.rows))
	space := make([]byte, 0, len(b.rows)*messageSize)
	for i := range b.rows {
		space = e.append(space, &b.rows[i], complete, func(m message) { b.messages = append(b.messages, m) })
	}
}
