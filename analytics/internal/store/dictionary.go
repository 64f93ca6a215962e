package store

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
)

// maxCached bounds each cache of names. A full cache is emptied between two
// batches: the names in use return to it at the cost of a look-up each.
const maxCached = 100_000

// named is a row of a table of names. T is what else is known of it.
type named[T any] struct {
	id    int64
	value driver.Value // the id, made a value once and not for each event
	sum   found        // of the statistics that are of this row
	also  T
}

// dictionary gives the names of one table their small integers, making new
// rows within the transaction of the batch. The names of a batch are all asked
// for before they are learnt, many in one statement, and in the order of their
// index.
type dictionary[T any] struct {
	known   map[string]*named[T]
	unknown []string // asked for, and not learnt yet
	next    int64    // of the next new row; 0 before it has been read
	last    struct { // one user's lines follow each other
		name string
		row  *named[T]
	}

	columns int // of lookUp: the name, its integer, and what load reads
	load    func(row []driver.Value) T
	lookUp  *lookup
	highest *statement
	insert  *bulk
}

// newDictionary is of the table's columns name and id. others are the columns
// that load gets.
func newDictionary[T any](conn driver.Conn, table, id, name string, load func([]driver.Value) T, others ...string) *dictionary[T] {
	columns := append([]string{name, id}, others...)
	return &dictionary[T]{
		known:   map[string]*named[T]{},
		columns: len(columns),
		load:    load,
		lookUp:  newLookup(conn, fmt.Sprintf(`SELECT %s FROM %s WHERE %s IN`, strings.Join(columns, ", "), table, name)),
		highest: &statement{conn: conn, sql: fmt.Sprintf(`SELECT ifnull(max(%s), 0) FROM %s`, id, table)},
		insert:  newBulk(conn, fmt.Sprintf(`INSERT INTO %s (%s, %s)`, table, id, name), 2, ``),
	}
}

// ask returns the name's row. It has its integer after the next learn.
func (d *dictionary[T]) ask(name string) *named[T] {
	if d.last.row != nil && d.last.name == name {
		return d.last.row
	}
	row, ok := d.known[name]
	if !ok {
		row = &named[T]{}
		d.known[name] = row
		d.unknown = append(d.unknown, name)
	}
	d.last.name, d.last.row = name, row
	return row
}

// learn looks up all names that were asked for, and inserts those that are new.
func (d *dictionary[T]) learn() error {
	slices.Sort(d.unknown)
	for _, name := range d.unknown {
		if err := d.lookUp.add(name, d.columns, d.found); err != nil {
			return fmt.Errorf("look up %d names, such as %q: %w", len(d.unknown), name, err)
		}
	}
	if err := d.lookUp.flush(d.columns, d.found); err != nil {
		return fmt.Errorf("look up %d names: %w", len(d.unknown), err)
	}
	for _, name := range d.unknown {
		if err := d.insertNew(name); err != nil {
			return fmt.Errorf("insert the name %q: %w", name, err)
		}
	}
	d.unknown = d.unknown[:0]
	_, err := d.insert.flush()
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
		highest, err := d.highest.integer()
		if err != nil {
			return err
		}
		d.next = highest + 1
	}
	row.id, row.value = d.next, d.next
	d.next++
	return d.insert.add(row.value, name)
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
	d.last.name, d.last.row = "", nil
}

func (d *dictionary[T]) close() error { return closeAll(d.lookUp, d.highest, d.insert) }
