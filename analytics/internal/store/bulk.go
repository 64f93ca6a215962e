package store

import (
	"database/sql/driver"
	"errors"
	"strings"
)

// bulk inserts rows many at a time, which costs half of one at a time.
type bulk struct {
	columns int
	sizes   []*statement // of bulkSizes rows each
	changes *statement
	args    []driver.NamedValue // of the largest size, and the last one if there is one
	rows    int                 // that are queued in args
	last    driver.Value        // of the parameter behind the rows
	changed int64
}

// bulkSizes are the numbers of rows in a statement: full ones while rows come,
// then what is left in few statements.
var bulkSizes = []int{256, 64, 8, 1}

// newBulk makes "insert VALUES ... conflict". conflict may have a parameter, to
// which last is bound.
func newBulk(conn driver.Conn, insert string, columns int, conflict string) *bulk {
	row := "(" + strings.Repeat("?,", columns-1) + "?)"
	b := &bulk{
		columns: columns,
		changes: &statement{conn: conn, sql: `SELECT changes()`},
		args:    make([]driver.NamedValue, bulkSizes[0]*columns+strings.Count(conflict, "?")),
	}
	for i := range b.args {
		b.args[i].Ordinal = i + 1
	}
	for _, n := range bulkSizes {
		values := strings.Repeat(row+",", n-1) + row
		b.sizes = append(b.sizes, &statement{conn: conn, sql: insert + " VALUES " + values + " " + conflict})
	}
	return b
}

// add queues a row. It executes a statement when enough rows are there.
func (b *bulk) add(values ...driver.Value) error {
	at := b.args[b.rows*b.columns:]
	for i, v := range values {
		at[i].Value = v
	}
	if b.rows++; b.rows < bulkSizes[0] {
		return nil
	}
	return b.drain()
}

// flush executes what is queued and returns the number of rows changed since
// the last flush.
func (b *bulk) flush() (int64, error) {
	err := b.drain()
	changed := b.changed
	b.changed = 0
	return changed, err
}

func (b *bulk) drain() error {
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
func (b *bulk) drop(n int) {
	b.rows -= n
	for i := range b.rows * b.columns {
		b.args[i].Value = b.args[i+n*b.columns].Value
	}
}

// run executes the statement with the first n rows as a query: for a query
// go-sqlite3 passes all arguments to C in one call, for Exec it makes a call
// for each.
func (b *bulk) run(s *statement, n int) error {
	if err := s.prepare(); err != nil {
		return err
	}
	args := b.args[:n*b.columns+len(b.args)-bulkSizes[0]*b.columns]
	if end := n * b.columns; end < len(args) {
		behind := args[end].Value // of a row that waits
		args[end].Value = b.last
		defer func() { args[end].Value = behind }()
	}
	if _, err := s.query(nil, args); err != nil {
		return err
	}
	changed, err := b.changes.integer()
	b.changed += changed
	return err
}

func (b *bulk) close() error {
	err := b.changes.close()
	for _, s := range b.sizes {
		err = errors.Join(err, s.close())
	}
	return err
}
