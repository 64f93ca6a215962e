package render

import (
	"encoding/csv"
	"io"

	"purchases/analytics/internal/query"
)

type csvWriter struct {
	out     *csv.Writer
	columns []query.Column
	record  []string
}

func newCSV(w io.Writer, a Answer) *csvWriter {
	return &csvWriter{out: csv.NewWriter(w), columns: a.Columns}
}

func (c *csvWriter) begin() error {
	for _, column := range c.columns {
		c.record = append(c.record, column.Name)
	}
	return c.write()
}

func (c *csvWriter) row(row query.Row) error {
	for i, value := range row {
		c.record[i] = text(value)
	}
	return c.write()
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
