package sqlitestmt

import (
	"database/sql/driver"
	"errors"
	"strings"
)

// Bulk inserts rows many at a time, which costs half of one at a time.
type Bulk struct {
	columns int
	sizes   []*Statement // of bulkSizes rows each
	changes *Statement
	args    []driver.NamedValue // of the largest size, and the last one if there is one
	rows    int                 // that are queued in args
	// Last is bound to the parameter in conflict, if there is one.
	Last    driver.Value
	changed int64
}

// bulkSizes are the numbers of rows in a statement: full ones while rows come,
// then what is left in few statements.
var bulkSizes = []int{256, 64, 8, 1}

// NewBulk executes "insert VALUES ... conflict" with rows of so many columns.
// conflict may have one parameter, which is bound to Last.
func NewBulk(conn driver.Conn, insert string, columns int, conflict string) *Bulk {
	row := "(" + strings.Repeat("?,", columns-1) + "?)"
	b := &Bulk{
		columns: columns,
		changes: New(conn, `SELECT changes()`),
		args:    make([]driver.NamedValue, bulkSizes[0]*columns+strings.Count(conflict, "?")),
	}
	for i := range b.args {
		b.args[i].Ordinal = i + 1
	}
	for _, n := range bulkSizes {
		values := strings.Repeat(row+",", n-1) + row
		b.sizes = append(b.sizes, New(conn, insert+" VALUES "+values+" "+conflict))
	}
	return b
}

// Add queues a row. It executes a statement when enough rows are there.
func (b *Bulk) Add(values ...driver.Value) error {
	at := b.args[b.rows*b.columns:]
	for i, v := range values {
		at[i].Value = v
	}
	if b.rows++; b.rows < bulkSizes[0] {
		return nil
	}
	return b.drain()
}

// Flush executes what is queued and returns the number of rows changed since
// the last flush.
func (b *Bulk) Flush() (int64, error) {
	err := b.drain()
	changed := b.changed
	b.changed = 0
	return changed, err
}

func (b *Bulk) drain() error {
	for i, n := range bulkSizes {
		for b.rows >= n {
			if err := b.run(b.sizes[i], n); err != nil {
				return err
			}
			b.drop(n)
		}
	}
	return nil
}

// drop moves the rows behind the first n to the front.
func (b *Bulk) drop(n int) {
	b.rows -= n
	for i := range b.rows * b.columns {
		b.args[i].Value = b.args[i+n*b.columns].Value
	}
}

// run executes the statement with the first n rows as a query: for a query
// go-sqlite3 passes all arguments to C in one call, for Exec it makes a call
// for each.
func (b *Bulk) run(s *Statement, n int) error {
	if err := s.prepare(); err != nil {
		return err
	}
	args := b.args[:n*b.columns+len(b.args)-bulkSizes[0]*b.columns]
	if end := n * b.columns; end < len(args) {
		behind := args[end].Value // of a row that waits
		args[end].Value = b.Last
		defer func() { args[end].Value = behind }()
	}
	if _, err := s.query(nil, args); err != nil {
		return err
	}
	changed, err := b.changes.Integer()
	b.changed += changed
	return err
}

// Close frees the statements.
func (b *Bulk) Close() error {
	err := b.changes.Close()
	for _, s := range b.sizes {
		err = errors.Join(err, s.Close())
	}
	return err
}
