package store

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"purchases/analytics/internal/sqlitestmt"
)

// maxCached bounds each cache of names. A full cache is emptied between two
// batches: the names in use return to it at the cost of a look-up each.
const maxCached = 100_000

// named is a row of a table of names. T is what else is known of it.
type named[T any] struct {
	id    int64
	value driver.Value // the id, made a value once and not for each event
	also  T
}

// dictionary resolves the names of one table to their small integers, making new
// rows within the transaction of the batch: all of a batch at once, many in one
// statement, and in the order of their index.
type dictionary[T any] struct {
	known    map[string]*named[T]
	rows     []*named[T] // of the batch's names, by their numbers
	integers []int64     // the same rows'
	unknown  []string    // names of the batch that were not known
	next     int64       // of the next new row; 0 before it has been read

	load    func(row []driver.Value) T
	lookUp  *sqlitestmt.Lookup
	highest *sqlitestmt.Statement
	insert  *sqlitestmt.Bulk
}

// newDictionary is of the table's columns name and id. others are the columns
// that load gets.
func newDictionary[T any](conn driver.Conn, table, id, name string, load func([]driver.Value) T,
	others ...string) *dictionary[T] {
	columns := strings.Join(append([]string{name, id}, others...), ", ")
	return &dictionary[T]{
		known:   map[string]*named[T]{},
		load:    load,
		lookUp:  sqlitestmt.NewLookup(conn, fmt.Sprintf(`SELECT %s FROM %s WHERE %s IN (`, columns, table, name), 1, `)`),
		highest: sqlitestmt.New(conn, fmt.Sprintf(`SELECT ifnull(max(%s), 0) FROM %s`, id, table)),
		insert:  sqlitestmt.NewBulk(conn, fmt.Sprintf(`INSERT INTO %s (%s, %s)`, table, id, name), 2, ``),
	}
}

// resolve finds the rows of the names, and makes those that are new.
func (d *dictionary[T]) resolve(names []string) error {
	d.rows, d.integers = d.rows[:0], d.integers[:0]
	for _, name := range names {
		d.rows = append(d.rows, d.row(name))
	}
	if err := d.resolveUnknown(); err != nil {
		return err
	}
	for _, row := range d.rows {
		d.integers = append(d.integers, row.id)
	}
	return nil
}

// row returns the name's row, which may have no integer yet.
func (d *dictionary[T]) row(name string) *named[T] {
	row, ok := d.known[name]
	if !ok {
		row = &named[T]{}
		d.known[name] = row
		d.unknown = append(d.unknown, name)
	}
	return row
}

// resolveUnknown looks up all names that were not known, and inserts the new ones.
func (d *dictionary[T]) resolveUnknown() error {
	slices.Sort(d.unknown)
	for _, name := range d.unknown {
		if err := d.lookUp.Add(d.found, name); err != nil {
			return fmt.Errorf("look up %d names, such as %.60q: %w", len(d.unknown), name, err)
		}
	}
	if err := d.lookUp.Flush(d.found); err != nil {
		return fmt.Errorf("look up %d names: %w", len(d.unknown), err)
	}
	for _, name := range d.unknown {
		if err := d.insertNew(name); err != nil {
			return fmt.Errorf("insert the name %.60q: %w", name, err)
		}
	}
	d.unknown = d.unknown[:0]
	_, err := d.insert.Flush()
	return err
}

func (d *dictionary[T]) found(row []driver.Value) error {
	name, _ := row[0].(string)
	id, _ := row[1].(int64)
	known := d.known[name]
	known.id, known.value, known.also = id, row[1], d.load(row[2:])
	return nil
}

func (d *dictionary[T]) insertNew(name string) error {
	row := d.known[name]
	if row.id != 0 {
		return nil
	}
	if d.next == 0 {
		highest, err := d.highest.Integer()
		if err != nil {
			return err
		}
		d.next = highest + 1
	}
	row.id, row.value = d.next, d.next
	d.next++
	return d.insert.Add(row.value, name)
}

// trim is called between two batches.
func (d *dictionary[T]) trim() {
	if len(d.known) >= maxCached {
		d.forget()
	}
}

// forget drops all that is cached.
func (d *dictionary[T]) forget() {
	clear(d.known)
	d.unknown, d.next = d.unknown[:0], 0
}

// drop deletes the row of the batch's name of that number where unused, which
// takes its integer, deletes it.
func (d *dictionary[T]) drop(unused *sqlitestmt.Statement, name string, number int) error {
	deleted, err := unused.Exec(d.integers[number])
	if deleted > 0 {
		delete(d.known, name)
	}
	return err
}

// Close frees the statements.
func (d *dictionary[T]) Close() error { return sqlitestmt.CloseAll(d.lookUp, d.highest, d.insert) }
