package rows

import "strings"

// record takes a row with quoted cells apart, line by line.
type record struct {
	delimiter string
	cells     []string
	escapes   bool   // a backslash before a quote makes it text
	open      bool   // the last line has ended inside quotes
	text      []byte // of the cell that is open
}

// begin starts a row whose cells go where there is room.
func (r *record) begin(delimiter string, escapes bool, room []string) {
	r.delimiter, r.escapes, r.cells, r.open = delimiter, escapes, room[:0], false
}

// add takes the next line of the row, which is the last unless open is set.
func (r *record) add(rest string) (err error) {
	more := true
	if r.open {
		rest, more, err = r.closeQuote(rest)
	}
	for err == nil && more && !r.open {
		begin := strings.TrimLeft(rest, " ")
		if strings.HasPrefix(begin, `"`) {
			r.text = r.text[:0]
			rest, more, err = r.closeQuote(begin[1:])
			continue
		}
		var cell string
		if cell, rest, more = strings.Cut(rest, r.delimiter); strings.Contains(cell, `"`) {
			return errBareQuote
		}
		r.cells = append(r.cells, cell)
	}
	return err
}

// closeQuote reads to the end of a quoted cell and says whether a delimiter
// follows it. A quote after a backslash is text with escapes, unless the cell
// can only end there.
func (r *record) closeQuote(rest string) (after string, more bool, err error) {
	for {
		i := strings.IndexByte(rest, '"')
		if i < 0 {
			r.text = append(append(r.text, rest...), '\n')
			r.open = true
			return "", false, nil
		}
		next := rest[i+1:]
		switch {
		case r.escapes && i > 0 && rest[i-1] == '\\' && !r.endsCell(next):
			r.text = append(append(r.text, rest[:i-1]...), '"')
			rest = next
		case strings.HasPrefix(next, `"`):
			r.text = append(append(r.text, rest[:i]...), '"')
			rest = next[1:]
		default:
			r.finish(rest[:i])
			return r.afterQuote(next)
		}
	}
}

func (r *record) finish(end string) {
	r.open = false
	if len(r.text) == 0 {
		r.cells = append(r.cells, end)
		return
	}
	r.cells = append(r.cells, string(append(r.text, end...)))
}

func (r *record) endsCell(next string) bool {
	next = strings.TrimLeft(next, " ")
	return next == "" || strings.HasPrefix(next, r.delimiter)
}

func (r *record) afterQuote(next string) (after string, more bool, err error) {
	next = strings.TrimLeft(next, " ")
	if next == "" {
		return "", false, nil
	}
	after, found := strings.CutPrefix(next, r.delimiter)
	if !found {
		return "", false, errAfterQuote
	}
	return after, true, nil
}
