// Package sqlitestmt prepares statements on a raw connection of go-sqlite3 and
// executes them with little overhead: one row, many rows in one statement, or the
// rows of many keys. It passes a context that never ends, because one that can
// be cancelled makes go-sqlite3 start a goroutine for each statement, and because
// a cancelled write can lose the transaction while later statements succeed.
package sqlitestmt

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

var background = context.Background()

// Execute runs one statement without parameters on the driver's connection.
func Execute(conn driver.Conn, statement string) error {
	e, ok := conn.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("the driver's connection %T executes nothing", conn)
	}
	_, err := e.ExecContext(background, statement, nil)
	return err
}

// Closer is anything in this package that holds prepared statements.
type Closer interface{ Close() error }

// CloseAll closes all of them and joins their errors.
func CloseAll(all ...Closer) error {
	errs := make([]error, 0, len(all))
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// prepared is a statement of the driver with the calls that pass a context.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// Statement is prepared at its first use. It is not safe for concurrent use.
type Statement struct {
	conn    driver.Conn
	sql     string
	stmt    prepared
	args    []driver.NamedValue
	columns int // of its rows, once there were some
}

// New returns the statement.
func New(conn driver.Conn, sql string) *Statement { return &Statement{conn: conn, sql: sql} }

func (s *Statement) prepare() error {
	if s.stmt != nil {
		return nil
	}
	stmt, err := s.conn.Prepare(s.sql)
	if err != nil {
		return fmt.Errorf("prepare %.60q: %w", s.sql, err)
	}
	var ok bool
	if s.stmt, ok = stmt.(prepared); !ok {
		return fmt.Errorf("prepare %.60q: the driver's statements are %T, without contexts", s.sql, stmt)
	}
	return nil
}

func (s *Statement) bind(values []driver.Value) []driver.NamedValue {
	s.args = s.args[:0]
	for i, v := range values {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s.args
}

// Exec returns the number of rows changed.
func (s *Statement) Exec(values ...driver.Value) (int64, error) {
	if err := s.prepare(); err != nil {
		return 0, err
	}
	result, err := s.stmt.ExecContext(background, s.bind(values))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Row reads the first row into dest and says whether there was one.
func (s *Statement) Row(dest []driver.Value, values ...driver.Value) (bool, error) {
	if err := s.prepare(); err != nil {
		return false, err
	}
	return s.query(dest, s.bind(values))
}

// query executes the prepared statement and reads its first row, if any.
func (s *Statement) query(dest []driver.Value, args []driver.NamedValue) (bool, error) {
	rows, err := s.stmt.QueryContext(background, args)
	if err != nil {
		return false, err
	}
	err = rows.Next(dest)
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}

// Integer returns the first column of the first row, 0 when there is none.
func (s *Statement) Integer(values ...driver.Value) (int64, error) {
	var row [1]driver.Value
	if _, err := s.Row(row[:], values...); err != nil {
		return 0, err
	}
	n, _ := row[0].(int64)
	return n, nil
}

// Each calls use with every row, which is valid until use returns.
func (s *Statement) Each(use func(row []driver.Value) error, values ...driver.Value) error {
	if err := s.prepare(); err != nil {
		return err
	}
	rows, err := s.stmt.QueryContext(background, s.bind(values))
	if err != nil {
		return err
	}
	if s.columns == 0 {
		s.columns = len(rows.Columns())
	}
	row := make([]driver.Value, s.columns)
	for err = rows.Next(row); err == nil; err = rows.Next(row) {
		if err = use(row); err != nil {
			break
		}
	}
	closeErr := rows.Close()
	if errors.Is(err, io.EOF) {
		return closeErr
	}
	return err
}

// Close frees the statement if it was used.
func (s *Statement) Close() error {
	if s.stmt == nil {
		return nil
	}
	return s.stmt.Close()
}
