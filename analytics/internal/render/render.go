// Package render writes the answer to a query for people (a table) or for
// programs (JSON, NDJSON, CSV, Markdown). Money is decimal text that never went
// through a float: exact, but for a table, which rounds it to the decimals of
// its currency.
//
// All formats but the table are written row by row, in constant memory. It does
// not run queries, and knows of the terminal only what [Options] say.
package render

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
)

// Format is a way to write an answer.
type Format string

// The formats.
const (
	Table    Format = "table"    // aligned, digits grouped; for people
	JSON     Format = "json"     // one document with the query, parameters, columns, what it reflects, and rows
	NDJSON   Format = "ndjson"   // one object for each row
	CSV      Format = "csv"      // RFC 4180 with a header, lines end in LF
	Markdown Format = "markdown" // a table of GitHub Flavored Markdown
)

// Formats lists all formats, the default first.
func Formats() []Format { return []Format{Table, JSON, NDJSON, CSV, Markdown} }

// ParseFormat returns the format with the name.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", fmt.Errorf("output %q: want one of %s", name, FormatNames(", "))
}

// FormatNames joins the names of all formats.
func FormatNames(separator string) string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, separator)
}

// Answer is what there is to write.
type Answer struct {
	Query   string // name; empty for a statement
	Args    query.Args
	Columns []query.Column
	// Freshness is what the answer reflects, for JSON; nil where nothing says.
	Freshness *freshness.Freshness
	// Rows is read once. Its first error ends the answer.
	Rows iter.Seq2[query.Row, error]
}

// Options fit an answer to where it is shown. The zero value is for a pipe or a
// file: no colour, no rule, nothing shortened.
type Options struct {
	// Width of the terminal in columns, 0 where there is none.
	Width int
	// Bold writes the names of columns in bold.
	Bold bool
	// Bar names a column of numbers beside which a table draws bars, where the
	// terminal has room for them; empty for none.
	Bar string
	// Optional names columns that a table leaves out, the first one first, where
	// the terminal has no room for all.
	Optional []string
	// Cohort names the column whose values a table shows as a triangle, the
	// first column down and the second across; empty for none.
	Cohort string
	// SafeCSV puts an apostrophe before a text of a CSV that a spreadsheet would
	// take for a formula. It changes the data.
	SafeCSV bool
	// MoneyNumbers writes money in JSON and NDJSON as exact decimal numbers
	// instead of strings.
	MoneyNumbers bool
	// NoHeader leaves the header of a CSV out, for an answer that is written
	// behind another.
	NoHeader bool
}

// writer writes one answer in one format.
type writer interface {
	begin() error
	row(query.Row) error
	end() error
}

// Write writes the answer to w and returns how many rows it had. When it fails
// in the middle, what it has written can be told from a whole answer: JSON is
// not closed and lacks its row_count; the other formats end at a whole row, and
// only the error says that there are more.
func Write(w io.Writer, format Format, a Answer, o Options) (rows int, err error) {
	buffered := bufio.NewWriter(w)
	out := newWriter(buffered, format, a, o)
	if err := out.begin(); err != nil {
		return 0, err
	}
	for row, err := range a.Rows {
		if err == nil {
			err = out.row(row)
		}
		if err != nil {
			_ = buffered.Flush() // the first error is the one to report
			return rows, err
		}
		rows++
	}
	if err := out.end(); err != nil {
		return rows, err
	}
	return rows, buffered.Flush()
}

func newWriter(w io.Writer, format Format, a Answer, o Options) writer {
	switch format {
	case JSON:
		return newJSON(w, a, o)
	case NDJSON:
		return newNDJSON(w, a, o)
	case CSV:
		return newCSV(w, a, o)
	case Markdown:
		return &markdownWriter{w: w, columns: a.Columns}
	}
	return &tableWriter{w: w, columns: slices.Clone(a.Columns), options: o, money: currencyColumn(a.Columns)}
}

// text is the plain form of a value: NULL is empty, bytes are hexadecimal.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case []byte:
		return hex.EncodeToString(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// numeric says whether a column is aligned to the right.
func numeric(c query.Column) bool {
	switch c.Type {
	case query.Integer, query.Number, query.Money, query.Percent:
		return true
	}
	return false
}
