package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
)

// background never ends: a context that can be cancelled makes go-sqlite3 start
// a goroutine for each statement, and a cancelled write can lose the
// transaction while later statements succeed.
var background = context.Background()

// statements are what a batch executes beside the names, prepared once.
type statements struct {
	events, rejected, duplicates, late *bulk
	gaps                               *bulk
	findEvent, findRejected            *statement
	moveOffset                         *statement
	findSources, saveSources           *statement
	minutes                            *bulk
	forgetMinutes                      *statement
	rejectedTotals, userMonths         *bulk
	ordersMonthly                      *bulk
}

func newStatements(conn driver.Conn) statements {
	return statements{
		events:       newBulk(conn, insertEvents, eventColumns, `ON CONFLICT DO NOTHING`),
		rejected:     newBulk(conn, insertRejected, rejectedColumns, `ON CONFLICT DO NOTHING`),
		duplicates:   newBulk(conn, `INSERT INTO duplicates (topic, partition, offset, event_id)`, 4, ``),
		late:         newBulk(conn, `INSERT INTO late_events (partition, offset, event_id, occurred_at, watermark)`, 5, ``),
		gaps:         newBulk(conn, `INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at)`, 5, ``),
		findEvent:    &statement{conn: conn, sql: `SELECT 1 FROM events WHERE occurred_at = ? AND event_id = ?`},
		findRejected: &statement{conn: conn, sql: `SELECT 1 FROM rejected WHERE event_id = ?`},
		moveOffset: &statement{conn: conn, sql: `UPDATE partitions SET next_offset = ?, watermark = ?, stored_at = ?,
			records = records + ?, events = events + ?, duplicates = duplicates + ?, rejected = rejected + ?, late = late + ?,
			last_offset = ifnull(?, last_offset), last_timestamp = ifnull(?, last_timestamp), last_crc = ifnull(?, last_crc),
			high_watermark = ifnull(?, high_watermark)
			WHERE topic = ? AND partition = ? AND next_offset = ?`},
		userMonths:  newBulk(conn, `INSERT INTO user_months (user_id, month)`, 2, `ON CONFLICT DO NOTHING`),
		findSources: &statement{conn: conn, sql: `SELECT results FROM sources WHERE topic = ? AND partition = ? AND block = ?`},
		saveSources: &statement{conn: conn, sql: `INSERT INTO sources (topic, partition, block, results) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET results = excluded.results`},
		minutes: newBulk(conn, `INSERT INTO ingest_minutes (minute, topic, partition, records)`, 4,
			`ON CONFLICT DO UPDATE SET records = records + excluded.records`),
		forgetMinutes: &statement{conn: conn, sql: `DELETE FROM ingest_minutes WHERE minute <= ?`},
		ordersMonthly: newOrdersMonthly(conn),
		rejectedTotals: newBulk(conn, `INSERT INTO rejected_totals (reason, records, first_at, last_at)`, 4,
			`ON CONFLICT DO UPDATE SET records = records + excluded.records,
			first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`),
	}
}

func (s *statements) close() error {
	return closeAll(s.events, s.rejected, s.duplicates, s.late, s.gaps, s.findEvent, s.findRejected, s.moveOffset, s.findSources, s.saveSources,
		s.minutes, s.forgetMinutes, s.rejectedTotals, s.userMonths, s.ordersMonthly)
}

type closer interface{ close() error }

func closeAll(all ...closer) error {
	errs := make([]error, 0, len(all))
	for _, c := range all {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// prepared is a statement of the driver with the calls that pass a context.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// statement is prepared at its first use.
type statement struct {
	conn driver.Conn
	sql  string
	stmt prepared
	args []driver.NamedValue
}

func (s *statement) prepare() error {
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

func (s *statement) bind(values []driver.Value) []driver.NamedValue {
	s.args = s.args[:0]
	for i, v := range values {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s.args
}

// exec returns the number of rows changed.
func (s *statement) exec(values ...driver.Value) (int64, error) {
	if err := s.prepare(); err != nil {
		return 0, err
	}
	result, err := s.stmt.ExecContext(background, s.bind(values))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row reads the first row into dest and says whether there was one.
func (s *statement) row(dest []driver.Value, values ...driver.Value) (bool, error) {
	if err := s.prepare(); err != nil {
		return false, err
	}
	return s.query(dest, s.bind(values))
}

// query executes the prepared statement and reads its first row, if any.
func (s *statement) query(dest []driver.Value, args []driver.NamedValue) (bool, error) {
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

// integer returns the first column of the first row, 0 when there is none.
func (s *statement) integer(values ...driver.Value) (int64, error) {
	var row [1]driver.Value
	if _, err := s.row(row[:], values...); err != nil {
		return 0, err
	}
	n, _ := row[0].(int64)
	return n, nil
}

// each calls use with every row, which is valid until it returns.
func (s *statement) each(columns int, use func([]driver.Value) error, values ...driver.Value) error {
	if err := s.prepare(); err != nil {
		return err
	}
	rows, err := s.stmt.QueryContext(background, s.bind(values))
	if err != nil {
		return err
	}
	row := make([]driver.Value, columns)
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

func (s *statement) exists(values ...driver.Value) (bool, error) {
	var one [1]driver.Value
	return s.row(one[:], values...)
}

func (s *statement) close() error {
	if s.stmt == nil {
		return nil
	}
	return s.stmt.Close()
}

// lookup asks for the rows of many keys, in statements of a fixed size.
type lookup struct {
	statement
	keys []driver.Value
}

// keysAtOnce is how many keys one statement asks for.
const keysAtOnce = 64

// newLookup completes a query that ends in "WHERE key IN".
func newLookup(conn driver.Conn, query string) *lookup {
	return &lookup{statement: statement{conn: conn, sql: query + " (" + strings.Repeat("?,", keysAtOnce-1) + "?)"}}
}

// add asks for a key, and executes a statement when enough keys are there.
func (l *lookup) add(key driver.Value, columns int, use func([]driver.Value) error) error {
	if l.keys = append(l.keys, key); len(l.keys) < keysAtOnce {
		return nil
	}
	return l.flush(columns, use)
}

// flush asks for the keys that are left. It fills the statement up by naming
// the last key again.
func (l *lookup) flush(columns int, use func([]driver.Value) error) error {
	if len(l.keys) == 0 {
		return nil
	}
	for len(l.keys) < keysAtOnce {
		l.keys = append(l.keys, l.keys[len(l.keys)-1])
	}
	err := l.each(columns, use, l.keys...)
	l.keys = l.keys[:0]
	return err
}
