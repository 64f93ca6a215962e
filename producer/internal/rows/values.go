package rows

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

var (
	errNoObject    = errors.New("not a JSON object")
	errBrokenJSON  = errors.New("the JSON object is truncated before the next one")
	errLineInText  = errors.New("a JSON string contains a line end")
	errUnendedJSON = errors.New("the JSON object does not end")
)

// values reads JSON objects, each as one cell: on lines of their own, over
// several lines, one behind the other, or as the elements of arrays. It finds
// where they end, and leaves it to the mapping to read them.
type values struct {
	text  *bufio.Reader
	err   error  // of text
	b     []byte // read and not used
	line  int    // of the beginning of b
	array bool   // between the brackets of an array
	scan  scanner
}

func (v *values) wouldBlock() bool { return len(v.b) == 0 && v.text.Buffered() == 0 }

// fill reads more. It says whether there was any.
func (v *values) fill() bool {
	if v.err != nil {
		return false
	}
	if cap(v.b)-len(v.b) < bufferSize {
		v.b = append(make([]byte, 0, 2*len(v.b)+2*bufferSize), v.b...)
	}
	n, err := v.text.Read(v.b[len(v.b):cap(v.b)])
	v.b, v.err = v.b[:len(v.b)+n], err
	return n > 0 || err == nil
}

// take drops n bytes and counts their lines.
func (v *values) take(n int) string {
	text := v.b[:n]
	v.b = v.b[n:]
	v.line += bytes.Count(text, []byte("\n"))
	return string(text)
}

func (v *values) next(row *Row) error {
	if err := v.begin(); err != nil {
		return err
	}
	row.Line = v.line
	if v.b[0] != '{' {
		return v.skip(row, errNoObject)
	}
	v.scan.begin()
	for {
		end, err := v.scan.run(v.b)
		switch {
		case err != nil:
			return v.skip(row, err)
		case end > MaxRow, end == 0 && len(v.b) > MaxRow:
			return v.skip(row, errTooLong)
		case end > 0:
			row.Cells, row.Present = append(row.Cells, v.take(end)), 1
			v.skipSpace()
			return nil
		case !v.fill():
			if !errors.Is(v.err, io.EOF) {
				return v.err
			}
			return v.skip(row, errUnendedJSON)
		}
	}
}

// begin moves to the first character of a value, past what stands between
// values.
func (v *values) begin() error {
	for {
		v.skipSpace()
		switch {
		case len(v.b) == 0 && !v.fill():
			return v.err
		case len(v.b) == 0:
		case v.b[0] == '[' && !v.array:
			v.array = true
			v.take(1)
		case v.array && v.b[0] == ',':
			v.take(1)
		case v.array && v.b[0] == ']':
			v.array = false
			v.take(1)
		case v.b[0] != ' ' && v.b[0] != '\t' && v.b[0] != '\r' && v.b[0] != '\n':
			return nil
		}
	}
}

func (v *values) skipSpace() { v.take(len(v.b) - len(bytes.TrimLeft(v.b, " \t\r\n"))) }

// skip takes the rest of the line for the whole row. What was read after it is
// read again.
func (v *values) skip(row *Row, cause error) error {
	var text []byte
	for {
		end := bytes.IndexByte(v.b, '\n')
		part := v.b[:len(v.b)]
		if end >= 0 {
			part = v.b[:end]
		}
		text = append(text, part[:min(len(part), MaxRow-len(text))]...)
		v.b = v.b[len(part):]
		if end >= 0 {
			v.take(1)
			break
		}
		if !v.fill() {
			if !errors.Is(v.err, io.EOF) {
				return v.err
			}
			row.Unfinished = true
			break
		}
	}
	row.Cells, row.Present, row.Malformed = append(row.Cells, strings.TrimSpace(string(text))), 1, cause
	v.skipSpace()
	return nil
}

// scanner finds the end of an object. It goes by brackets, quotes and what may
// stand before a bracket, which is enough to notice that one object is broken
// off and another one begins.
type scanner struct {
	at      int
	nested  []byte // brackets that are open
	text    bool   // inside a string
	escaped bool
	before  byte // the last character outside strings that is no space
}

func (s *scanner) begin() { *s = scanner{nested: s.nested[:0]} }

// run continues with b, which begins with the object, and returns where it ends,
// or 0 when it does not end in b.
func (s *scanner) run(b []byte) (end int, err error) {
	for ; s.at < len(b); s.at++ {
		c := b[s.at]
		switch {
		case s.text:
			if err := s.inText(c); err != nil {
				return 0, err
			}
			continue
		case c == '"':
			s.text = true
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		case c == '{' || c == '[':
			if !s.mayNest() {
				return 0, errBrokenJSON
			}
			s.nested = append(s.nested, c)
		case c == '}' || c == ']':
			if s.nested = s.nested[:len(s.nested)-1]; len(s.nested) == 0 {
				return s.at + 1, nil
			}
		}
		s.before = c
	}
	return 0, nil
}

func (s *scanner) inText(c byte) error {
	switch {
	case c == '\n':
		return errLineInText
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.text = false
	}
	return nil
}

func (s *scanner) mayNest() bool {
	switch s.before {
	case 0, ':', '[':
		return true
	case ',':
		return s.nested[len(s.nested)-1] == '['
	}
	return false
}
