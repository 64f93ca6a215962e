package sqlitestmt

import (
	"database/sql/driver"
	"strings"
)

// keysAtOnce is how many keys one statement asks for.
const keysAtOnce = 64

// Lookup asks for the rows of many keys, in statements of a fixed size.
type Lookup struct {
	statement *Statement
	columns   int // of a key
	keys      []driver.Value
}

// NewLookup asks with "before KEYS after", where KEYS is a list of keys of so
// many columns as VALUES and IN take it.
func NewLookup(conn driver.Conn, before string, columns int, after string) *Lookup {
	key := "?"
	if columns > 1 {
		key = "(" + strings.Repeat("?,", columns-1) + "?)"
	}
	keys := strings.Repeat(key+",", keysAtOnce-1) + key
	return &Lookup{statement: New(conn, before+keys+after), columns: columns}
}

// Add asks for a key, and executes the statement when enough keys are there.
func (l *Lookup) Add(use func(row []driver.Value) error, key ...driver.Value) error {
	if l.keys = append(l.keys, key...); len(l.keys) < keysAtOnce*l.columns {
		return nil
	}
	return l.Flush(use)
}

// Flush asks for the keys that are left. It fills the statement up with the
// last key, whose rows may therefore come more than once.
func (l *Lookup) Flush(use func(row []driver.Value) error) error {
	if len(l.keys) == 0 {
		return nil
	}
	for len(l.keys) < keysAtOnce*l.columns {
		l.keys = append(l.keys, l.keys[len(l.keys)-l.columns:]...)
	}
	err := l.statement.Each(use, l.keys...)
	l.keys = l.keys[:0]
	return err
}

// Close frees the statement.
func (l *Lookup) Close() error { return l.statement.Close() }
