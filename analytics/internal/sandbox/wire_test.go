package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	"purchases/analytics/internal/query"
)

// Whatever a process writes, its reader takes no more memory than a row may
// have, and ends.
func FuzzReader(f *testing.F) {
	var answer bytes.Buffer
	w := writer{bufio.NewWriter(&answer)}
	_ = w.writeJSON(columnsMessage, []string{"a", "b"})
	_ = w.writeRow(query.Row{nil, int64(1)})
	_ = w.writeRow(query.Row{"x", []byte{1}})
	_ = w.writeRow(query.Row{1.5, true})
	_ = w.WriteByte(endMessage)
	_ = w.Flush()
	f.Add(answer.Bytes())
	f.Add([]byte("x\x04null"))
	f.Add([]byte("rt\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		r := newReader(bytes.NewReader(message))
		var names []string
		_ = r.readJSON(columnsMessage, &names)
		row := make(query.Row, 2)
		for err := error(nil); err == nil; err = r.readRow(row) {
			continue
		}
		if _, err := r.ReadByte(); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}
