package rows

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// table reads CSV and TSV.
type table struct {
	tape      *tape
	delimiter rune
	width     int // cells in a row; 0 for any number
	buffer    *bufio.Reader
	csv       *csv.Reader
	line      int   // lines before those that csv counts
	offset    int64 // of csv, where the row begins
}

func newTable(r io.Reader, delimiter rune) *table {
	t := &table{tape: &tape{r: r}, delimiter: delimiter}
	t.buffer = bufio.NewReaderSize(t.tape, bufferSize)
	t.restart()
	return t
}

// restart begins anew at the tape's position. A csv.Reader uses a large enough
// bufio.Reader as its own buffer.
func (t *table) restart() {
	t.buffer.Reset(t.tape)
	t.csv = csv.NewReader(t.buffer)
	t.csv.Comma = t.delimiter
	t.csv.FieldsPerRecord = -1
	t.csv.ReuseRecord = true
	t.line, t.offset = t.tape.line, 0
}

func (t *table) buffered() int { return t.buffer.Buffered() }

func (t *table) next(row *Row) error {
	cells, err := t.csv.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return t.skip(row, parse.Err)
	case errors.Is(err, errTooLong):
		return t.skip(row, errTooLong)
	case err != nil:
		return err
	}
	line, _ := t.csv.FieldPos(0)
	row.Line, row.Cells = t.line+line, cells
	if t.width > 0 && len(cells) != t.width {
		row.Malformed = fmt.Errorf("%d cells, the header has %d", len(cells), t.width)
	}
	end := t.csv.InputOffset()
	t.tape.mark(int(end - t.offset))
	t.offset = end
	return nil
}

// skip takes the first line of a row that cannot be read for the whole row:
// whatever was read after an unclosed quote is read again as rows.
func (t *table) skip(row *Row, cause error) error {
	text, line, err := t.tape.skipLine()
	if err != nil {
		return err
	}
	t.restart()
	row.Line, row.Cells, row.Malformed = line, []string{text}, cause
	return nil
}
