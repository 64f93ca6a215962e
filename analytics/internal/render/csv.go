package render

import (
	"encoding/csv"
	"io"
	"strings"

	"purchases/analytics/internal/query"
)

type csvWriter struct {
	out     *csv.Writer
	columns []query.Column
	record  []string
	options Options
}

func newCSV(w io.Writer, a Answer, o Options) *csvWriter {
	return &csvWriter{out: csv.NewWriter(w), columns: a.Columns, record: make([]string, len(a.Columns)), options: o}
}

func (c *csvWriter) begin() error {
	if c.options.NoHeader {
		return nil
	}
	for i, column := range c.columns {
		c.record[i] = column.Name
	}
	return c.write()
}

func (c *csvWriter) row(row query.Row) error {
	for i, value := range row {
		c.record[i] = text(value)
		if s, isText := value.(string); isText && c.options.SafeCSV {
			c.record[i] = defuse(s)
		}
	}
	return c.write()
}

// defuse keeps a spreadsheet from running a text as a formula
// (https://owasp.org/www-community/attacks/CSV_Injection).
func defuse(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

func (c *csvWriter) end() error { return nil }

// write flushes each record into Write's buffer, so that a failed answer ends
// at a whole one.
func (c *csvWriter) write() error {
	if err := c.out.Write(c.record); err != nil {
		return err
	}
	c.out.Flush()
	return c.out.Error()
}
