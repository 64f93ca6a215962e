package rows

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

var (
	errBareQuote = errors.New(`a quote " stands inside a cell that does not begin with one; ` +
		`double it and enclose the cell in quotes`)
	errAfterQuote = errors.New(`text follows the closing quote " of a cell; a quote inside a cell is written twice`)
	errOpenQuote  = errors.New(`a cell begins with a quote " that nothing closes`)
)

// table reads the rows of a table.
type table struct {
	lines     *lines
	delimiter string
	quotes    bool
	width     int // cells in a row; 0 for any number
	record    record
	last      string // the line before, for its looks
}

func (t *table) wouldBlock() bool { return t.lines.wouldBlock() }

func (t *table) next(row *Row) error {
	first, err := t.lines.next()
	for err == nil && first.text == "" {
		first, err = t.lines.next()
	}
	if err != nil {
		return err
	}
	row.Line, row.Unfinished = first.number, !first.ended
	switch {
	case first.tooLong:
		row.Cells, row.Malformed = append(row.Cells, first.text), errTooLong
	case !t.quotes || strings.IndexByte(first.text, '"') < 0:
		row.Cells, t.last = appendSplit(row.Cells, first.text, t.delimiter), first.text
		t.fit(row)
	default:
		return t.quoted(row, first)
	}
	return nil
}

func appendSplit(cells []string, text, delimiter string) []string {
	for {
		i := strings.Index(text, delimiter)
		if i < 0 {
			return append(cells, text)
		}
		cells, text = append(cells, text[:i]), text[i+len(delimiter):]
	}
}

// quoted reads a row with quotes, which may have several lines. Where it cannot,
// or should not believe what it has read, the first line is the malformed row,
// and the others are read again. A backslash escapes a quote only in a row that
// cannot be read otherwise.
func (t *table) quoted(row *Row, first line) error {
	t.record.begin(t.delimiter, false, row.Cells)
	all, err := t.gather(first)
	if err != nil && strings.Contains(first.text, `\"`) && isMalformed(err) {
		t.lines.unread(all[1:])
		t.record.begin(t.delimiter, true, row.Cells)
		var second error
		if all, second = t.gather(first); second == nil || !isMalformed(second) {
			err = second
		}
	}
	switch {
	case err == nil:
		row.Cells, row.Unfinished = t.record.cells, !all[len(all)-1].ended
		t.fit(row)
	case isMalformed(err):
		row.Cells, row.Malformed = append(row.Cells[:0], first.text), err
		t.lines.unread(all[1:])
	default:
		return err
	}
	return nil
}

// malformed is what is wrong with a row, as opposed to the input.
type malformed struct{ error }

func isMalformed(err error) bool { return errors.As(err, &malformed{}) }

// gather reads the lines of one row.
func (t *table) gather(first line) (all []line, err error) {
	all = []line{first}
	err = t.record.add(first.text)
	for size := len(first.text); err == nil && t.record.open; {
		more, readErr := t.lines.next()
		switch {
		case errors.Is(readErr, io.EOF):
			return all, malformed{errOpenQuote}
		case readErr != nil:
			return all, readErr
		}
		all, size = append(all, more), size+len(more.text)
		if size > MaxRow {
			return all, malformed{errOpenQuote}
		}
		err = t.record.add(more.text)
	}
	if err == nil {
		err = t.disbelief(all)
	}
	if err != nil {
		return all, malformed{err}
	}
	return all, nil
}

// fit makes the row as wide as the header: cells that are missing at its end
// are empty, and empty ones beyond are none.
func (t *table) fit(row *Row) {
	row.Present = len(row.Cells)
	if t.width == 0 {
		return
	}
	for len(row.Cells) > t.width && strings.TrimSpace(row.Cells[len(row.Cells)-1]) == "" {
		row.Cells = row.Cells[:len(row.Cells)-1]
	}
	if len(row.Cells) > t.width {
		row.Malformed = fmt.Errorf("%d cells, the header has %d", len(row.Cells), t.width)
		return
	}
	for len(row.Cells) < t.width {
		row.Cells = append(row.Cells, "")
	}
}

// disbelief says why a row of several lines is not one: a quote that was never
// closed ends at the next one, and what lies between are other rows.
func (t *table) disbelief(all []line) error {
	if len(all) == 1 || t.width == 0 {
		return nil
	}
	if len(t.record.cells) != t.width {
		return fmt.Errorf("a quoted cell runs over %d line ends, and the row then has %d cells, the header has %d",
			len(all)-1, len(t.record.cells), t.width)
	}
	line := all[0].number
	for column, cell := range t.record.cells {
		if t.swallows(column, cell) {
			return fmt.Errorf(`a quoted cell of line %d runs into line %d, which looks like another row; close its quote "`,
				line, line+1)
		}
		line += strings.Count(cell, "\n")
	}
	return nil
}

// swallows says that a cell of several lines is the end of one row, any number of
// rows, and the beginning of another: it has as many delimiters in each line as
// these would have, and a cell among them looks like its column in other rows.
func (t *table) swallows(column int, cell string) bool {
	lines := strings.Split(cell, "\n")
	if len(lines) == 1 {
		return false
	}
	looks := false
	for i, line := range lines {
		cells, from, want := appendSplit(nil, line, t.delimiter), 0, t.width
		switch i {
		case 0:
			from, want = column, t.width-column
		case len(lines) - 1:
			want = column + 1
		}
		if len(cells) != want {
			return false
		}
		for j, part := range cells {
			looks = looks || j+from != column && t.looksLike(part, j+from)
		}
	}
	return looks
}

func (t *table) looksLike(cell string, column int) bool {
	before := appendSplit(nil, t.last, t.delimiter)
	return alike(cell, t.record.cells[column]) || column < len(before) && alike(cell, before[column])
}

// alike says that two cells have the same shape, of at least three runs of
// digits, letters or one other character, such as two dates or two prices.
func alike(a, b string) bool {
	first, second := shape(a), shape(b)
	return len(first) >= 3 && strings.Contains(first, "0") && first == second
}

// shape is 0 for each run of digits, a for each run of letters, and the rest.
func shape(s string) string {
	const longest = 64
	var b []byte
	for i := 0; i < len(s) && len(b) < longest; i++ {
		class := s[i]
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			class = '0'
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80:
			class = 'a'
		}
		if (class == '0' || class == 'a') && len(b) > 0 && b[len(b)-1] == class {
			continue
		}
		b = append(b, class)
	}
	return string(b)
}
