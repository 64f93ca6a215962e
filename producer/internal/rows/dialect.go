package rows

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// ErrFormat is the error of a file whose format nothing tells.
var ErrFormat = errors.New("cannot tell the format; name it with --format csv, tsv or jsonl")

// maxLooked is how many lines are looked at to tell a table's delimiter.
const maxLooked = 20

// dialect is how a file writes its rows.
type dialect struct {
	format    Format
	delimiter string
	quotes    bool
	skip      int    // lines before the header
	hint      string // where the header may be instead
}

// dialect takes what the options say, else what the name says, else what the
// first lines show.
func (o Options) dialect(name string, text *bufio.Reader) (dialect, error) {
	d := dialect{format: o.Format, skip: o.SkipLines}
	if d.format == "" {
		d.format = formatOf(name)
	}
	head := peekLines(text, o.SkipLines+1)
	if o.Format == "" && startsJSON(head) {
		d.format = JSON
	}
	if d.format == JSON {
		return d, nil
	}
	all := lookedAt(head)
	if mark, ok := separatorLine(all); ok {
		d.delimiter = mark
		d.skip++
		all = all[1:]
	}
	if o.Delimiter != 0 {
		d.delimiter = string(o.Delimiter)
	}
	return d.table(o, all[min(o.SkipLines, len(all)):])
}

func (d dialect) table(o Options, all []string) (dialect, error) {
	if d.delimiter == "" && d.format == TSV && (o.Format == TSV || len(all) == 0 || strings.Contains(all[0], "\t")) {
		d.delimiter = "\t"
	}
	if d.delimiter == "" && len(all) > 0 {
		d.delimiter = delimiterOf(all)
	}
	d.hint = headerHint(all, d.skip)
	switch {
	case d.delimiter == "" && d.format == "":
		return d, withHint(ErrFormat, d.hint)
	case d.delimiter == "":
		d.delimiter = ","
	}
	d.quotes = d.delimiter != "\t" || o.Quotes
	if d.format == "" {
		d.format = CSV
	}
	return d, nil
}

func withHint(err error, hint string) error {
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, hint)
}

func formatOf(name string) Format {
	name = strings.ToLower(name)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch path.Ext(name) {
	case ".csv":
		return CSV
	case ".tsv", ".tab":
		return TSV
	case ".jsonl", ".ndjson", ".json":
		return JSON
	}
	return ""
}

// startsJSON says that the text begins with an object or an array, whatever the
// file is called.
func startsJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// lookedAt are the first lines, without one that is cut off.
func lookedAt(head []byte) []string {
	all := strings.Split(string(head), "\n")
	if len(all) > 1 {
		all = all[:len(all)-1]
	}
	for i := range all {
		all[i] = strings.TrimSuffix(all[i], "\r")
	}
	return all
}

// separatorLine reads Excel's "sep=;".
func separatorLine(all []string) (delimiter string, ok bool) {
	if len(all) == 0 {
		return "", false
	}
	mark, ok := strings.CutPrefix(strings.ToLower(strings.Trim(all[0], `"`)), "sep=")
	if !ok || utf8.RuneCountInString(mark) != 1 {
		return "", false
	}
	return mark, true
}

// delimiterOf is the one by which the header has at least two cells and most of
// the lines after it as many, and of these the one that gives most cells.
func delimiterOf(all []string) string {
	best, bestAgree, bestCells := "", -1, 0
	for _, delimiter := range []string{",", ";", "\t", "|"} {
		cells, agree := 0, 0
		for _, line := range all[:min(len(all), maxLooked)] {
			switch n := countCells(line, delimiter); {
			case strings.TrimSpace(line) == "":
			case cells == 0:
				cells = n
			case n == cells:
				agree++
			}
		}
		if cells > 1 && (agree > bestAgree || agree == bestAgree && cells > bestCells) {
			best, bestAgree, bestCells = delimiter, agree, cells
		}
	}
	return best
}

// countCells counts the cells of a line whose quoted ones hold no line end.
func countCells(line, delimiter string) int {
	count, quoted := 1, false
	for i := range len(line) {
		switch {
		case line[i] == '"' && delimiter != "\t":
			quoted = !quoted
		case line[i] == delimiter[0] && !quoted:
			count++
		}
	}
	return count
}

// headerHint finds lines before the header: a later line has more cells than
// the first, and the line after it as many.
func headerHint(all []string, skipped int) string {
	for i := 1; i < min(len(all), maxLooked); i++ {
		delimiter := delimiterOf(all[i:])
		if delimiter == "" || countCells(all[i], delimiter) <= countCells(all[0], delimiter) {
			continue
		}
		if i+1 == len(all) || countCells(all[i+1], delimiter) == countCells(all[i], delimiter) {
			return fmt.Sprintf("lines stand before the header, which may be line %d: give --skip-lines %d",
				skipped+i+1, skipped+i)
		}
	}
	return ""
}
