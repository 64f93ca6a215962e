package sandbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/query"
)

// The other process writes its freshness, the names of the columns, the rows
// and the end, or a failure at any place. A message is a byte that says what it
// is, then JSON behind its length, or a row.
const (
	freshnessMessage = 'f'
	columnsMessage   = 'c'
	rowMessage       = 'r'
	endMessage       = 'e'
	failureMessage   = 'x'
)

// Values of a row begin with a byte for their type.
const (
	nullValue    = 'n'
	integerValue = 'i'
	floatValue   = 'd'
	textValue    = 't'
	blobValue    = 'b'
)

// Sizes that a process may claim.
const (
	longestJSON = 4 << 20
	longestRow  = 8 << 20 // bytes of all its values
)

// failedError carries the failure that stands in place of a message.
type failedError struct{ failure }

func (e *failedError) Error() string { return e.Text }

type writer struct{ *bufio.Writer }

// writeJSON flushes: the reader acts on it.
func (w writer) writeJSON(kind byte, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.block(kind, text)
	return w.Flush()
}

// block defers errors to Flush, as all of bufio's Write functions do.
func (w writer) block(kind byte, content []byte) {
	_ = w.WriteByte(kind)
	_, _ = w.Write(binary.AppendUvarint(w.AvailableBuffer(), uint64(len(content))))
	_, _ = w.Write(content)
}

func (w writer) number(kind byte, bits uint64) error {
	_ = w.WriteByte(kind)
	_, err := w.Write(binary.BigEndian.AppendUint64(w.AvailableBuffer(), bits))
	return err
}

func (w writer) writeRow(row query.Row) error {
	contents := make([][]byte, len(row))
	size := 0
	for i, value := range row {
		contents[i] = content(value)
		size += len(contents[i])
	}
	if size > longestRow {
		return &StatementError{fmt.Sprintf("a row has %d bytes, the limit is %d", size, longestRow)}
	}
	err := w.WriteByte(rowMessage)
	for i, value := range row {
		switch v := value.(type) {
		case nil:
			err = w.WriteByte(nullValue)
		case int64:
			err = w.number(integerValue, uint64(v))
		case float64:
			err = w.number(floatValue, math.Float64bits(v))
		case []byte:
			w.block(blobValue, v)
		default:
			w.block(textValue, contents[i])
		}
	}
	return err
}

// content is what a text or a blob holds. The driver makes times and booleans
// of the columns of some schemas: they are text here.
func content(value any) []byte {
	switch v := value.(type) {
	case nil, int64, float64:
		return nil
	case []byte:
		return v
	}
	return []byte(fmt.Sprint(value))
}

type reader struct{ *bufio.Reader }

func newReader(r io.Reader) *reader { return &reader{bufio.NewReaderSize(r, 32<<10)} }

// kind reads what the next message is, and the content of a failure.
func (r *reader) kind() (byte, error) {
	kind, err := r.ReadByte()
	if err == nil && kind == failureMessage {
		failed := &failedError{}
		if err = r.decode(&failed.failure); err == nil {
			err = failed
		}
	}
	return kind, noEOF(err)
}

func (r *reader) readJSON(want byte, into any) error {
	kind, err := r.kind()
	if err != nil {
		return err
	}
	if kind != want {
		return fmt.Errorf("message %q instead of %q", kind, want)
	}
	return r.decode(into)
}

func (r *reader) decode(into any) error {
	text, err := r.block(longestJSON)
	if err != nil {
		return noEOF(err)
	}
	return json.Unmarshal(text, into)
}

func (r *reader) block(most uint64) ([]byte, error) {
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if size > most {
		return nil, fmt.Errorf("a message of %d bytes is longer than %d", size, most)
	}
	content := make([]byte, size)
	_, err = io.ReadFull(r, content)
	return content, err
}

// readRow fails with io.EOF, and nothing else does, behind the last row.
func (r *reader) readRow(row query.Row) error {
	kind, err := r.kind()
	switch {
	case err != nil:
		return err
	case kind == endMessage:
		return io.EOF
	case kind != rowMessage:
		return fmt.Errorf("message %q instead of a row", kind)
	}
	left := uint64(longestRow)
	for i := range row {
		if row[i], err = r.value(&left); err != nil {
			return noEOF(err)
		}
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// value reads one of a row, and takes its length from what the row may yet have.
func (r *reader) value(left *uint64) (any, error) {
	kind, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	switch kind {
	case nullValue:
		return nil, nil
	case integerValue:
		bits, err := r.number()
		return int64(bits), err
	case floatValue:
		bits, err := r.number()
		return math.Float64frombits(bits), err
	case blobValue, textValue:
		content, err := r.block(*left)
		*left -= uint64(len(content))
		if kind == textValue {
			return string(content), err
		}
		return content, err
	}
	return nil, fmt.Errorf("a value of type %q", kind)
}

func (r *reader) number() (uint64, error) {
	var bits [8]byte
	_, err := io.ReadFull(r, bits[:])
	return binary.BigEndian.Uint64(bits[:]), err
}
