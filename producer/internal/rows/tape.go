package rows

import (
	"bytes"
	"errors"
	"io"
)

var errTooLong = errors.New("the row is longer than 4 MiB")

// tape keeps what has been read since a mark, so that a reader which ran away
// over an unclosed quote can be set back to the line after it.
type tape struct {
	r      io.Reader
	err    error // of r, returned when all that is kept has been read
	kept   []byte
	next   int // of kept: where to read on
	marked int // of kept: nothing below it is needed
	start  int // of kept, at most marked: where line stands
	line   int // lines below start
}

// Read implements io.Reader. It fails with errTooLong rather than keep more
// than MaxRow bytes.
func (t *tape) Read(p []byte) (int, error) {
	if t.next < len(t.kept) {
		n := copy(p, t.kept[t.next:])
		t.next += n
		return n, nil
	}
	if t.err != nil {
		return 0, t.err
	}
	t.forget()
	if len(t.kept) > MaxRow {
		return 0, errTooLong
	}
	n, err := t.r.Read(p)
	t.kept = append(t.kept, p[:n]...)
	t.next, t.err = len(t.kept), err
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// mark says that n more bytes are not needed.
func (t *tape) mark(n int) { t.marked += n }

// count brings line up to the mark.
func (t *tape) count() {
	t.line += bytes.Count(t.kept[t.start:t.marked], []byte("\n"))
	t.start = t.marked
}

// forget frees the room below the mark.
func (t *tape) forget() {
	t.count()
	t.kept = append(t.kept[:0], t.kept[t.marked:]...)
	t.next -= t.marked
	t.marked, t.start = 0, 0
}

// skipLine passes blank lines and the first line that is not blank, and sets
// the reader to what follows. It returns that line, at most MaxRow bytes of it,
// and its number.
func (t *tape) skipLine() (text string, line int, err error) {
	for text == "" {
		rest := t.kept[t.marked:]
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			return t.skipLast()
		}
		text = string(bytes.TrimSuffix(rest[:end], []byte("\r")))
		t.mark(end + 1)
	}
	t.count()
	t.next = t.marked
	return text, t.line, nil
}

// skipLast is skipLine for a line whose end is not kept yet.
func (t *tape) skipLast() (text string, line int, err error) {
	t.count()
	rest := bytes.TrimSuffix(t.kept[t.marked:], []byte("\r"))
	text, line = string(rest[:min(len(rest), MaxRow)]), t.line+1
	t.marked = len(t.kept)
	for end := -1; end < 0 && t.err == nil; {
		t.forget()
		chunk := make([]byte, bufferSize)
		var n int
		n, t.err = t.r.Read(chunk)
		t.kept = append(t.kept, chunk[:n]...)
		end = bytes.IndexByte(t.kept, '\n')
		t.mark(end + 1)
		if end < 0 {
			t.mark(len(t.kept))
		}
	}
	t.count()
	t.next = t.marked
	if t.err != nil && !errors.Is(t.err, io.EOF) {
		return "", 0, t.err
	}
	return text, line, nil
}
