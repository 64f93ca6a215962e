package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// background never ends: a context that can be cancelled makes go-sqlite3 start
// a goroutine for each statement, and a cancelled write can lose the
// transaction while later statements succeed.
var background = context.Background()

// statements are what a batch executes, prepared once.
type statements struct {
	events, rejected, duplicates, late *bulk
	gaps                               *bulk
	findEvent, findRejected            *statement
	moveOffset                         *statement
	findSources, saveSources           *statement
	minutes                            *bulk
	forgetMinutes                      *statement
	rollups                            []rollup
	rejectedTotals, userMonths         *bulk
	orderMonths, ordersMonthly         *bulk
}

func newStatements(conn *sqlite3.SQLiteConn) statements {
	return statements{
		events: newBulk(conn, `INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id,
			quantity, unit_price, currency, attribute_set_id, processed_at)`, 12, `ON CONFLICT DO NOTHING`),
		duplicates: newBulk(conn, `INSERT INTO duplicates (topic, partition, offset, event_id)`, 4, ``),
		late:       newBulk(conn, `INSERT INTO late_events (partition, offset, event_id, occurred_at, watermark)`, 5, ``),
		gaps:       newBulk(conn, `INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at)`, 5, ``),
		findEvent:  &statement{conn: conn, sql: `SELECT 1 FROM events WHERE occurred_at = ? AND event_id = ?`},
		rejected: newBulk(conn, `INSERT INTO rejected (topic, partition, offset, event_id, reason, detail, rejected_at,
			source_topic, source_partition, source_offset, value)`, 11, `ON CONFLICT DO NOTHING`),
		findRejected: &statement{conn: conn, sql: `SELECT 1 FROM rejected WHERE event_id = ?`},
		moveOffset: &statement{conn: conn, sql: `UPDATE partitions SET next_offset = ?, watermark = ?, stored_at = ?,
			records = records + ?, events = events + ?, duplicates = duplicates + ?, rejected = rejected + ?, late = late + ?,
			last_offset = ifnull(?, last_offset), last_timestamp = ifnull(?, last_timestamp), last_crc = ifnull(?, last_crc),
			high_watermark = ifnull(?, high_watermark)
			WHERE topic = ? AND partition = ? AND next_offset = ?`},
		findSources: &statement{conn: conn, sql: `SELECT results FROM sources WHERE topic = ? AND partition = ? AND block = ?`},
		saveSources: &statement{conn: conn, sql: `INSERT INTO sources (topic, partition, block, results) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET results = excluded.results`},
		minutes: newBulk(conn, `INSERT INTO ingest_minutes (minute, topic, partition, records)`, 4,
			`ON CONFLICT DO UPDATE SET records = records + excluded.records`),
		forgetMinutes: &statement{conn: conn, sql: `DELETE FROM ingest_minutes WHERE minute <= ?`},
		rollups:       newRollups(conn),
		userMonths:    newUserMonths(conn),
		orderMonths:   newOrderMonths(conn),
		ordersMonthly: newOrdersMonthly(conn),
		rejectedTotals: newBulk(conn, `INSERT INTO rejected_totals (reason, records, first_at, last_at)`, 4,
			`ON CONFLICT DO UPDATE SET records = records + excluded.records,
			first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`),
	}
}

func (s *statements) close() error {
	errs := []error{s.events.close(), s.rejected.close(), s.duplicates.close(), s.late.close(), s.gaps.close(), s.findEvent.close(),
		s.findRejected.close(), s.moveOffset.close(), s.rejectedTotals.close(), s.userMonths.close(),
		s.orderMonths.close(), s.ordersMonthly.close(), s.findSources.close(), s.saveSources.close(), s.minutes.close(), s.forgetMinutes.close()}
	for _, r := range s.rollups {
		errs = append(errs, r.upsert.close())
	}
	return errors.Join(errs...)
}

// statement is prepared at its first use.
type statement struct {
	conn *sqlite3.SQLiteConn
	sql  string
	stmt *sqlite3.SQLiteStmt
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
	s.stmt = stmt.(*sqlite3.SQLiteStmt)
	return nil
}

func (s *statement) bind(values []any) []driver.NamedValue {
	s.args = s.args[:0]
	for i, v := range values {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s.args
}

// exec returns the number of rows changed.
func (s *statement) exec(values ...any) (int64, error) {
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
func (s *statement) row(dest []driver.Value, values ...any) (bool, error) {
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

// each calls use with every row, which is valid until it returns.
func (s *statement) each(columns int, use func([]driver.Value), values ...any) error {
	if err := s.prepare(); err != nil {
		return err
	}
	rows, err := s.stmt.QueryContext(background, s.bind(values))
	if err != nil {
		return err
	}
	row := make([]driver.Value, columns)
	for err = rows.Next(row); err == nil; err = rows.Next(row) {
		use(row)
	}
	closeErr := rows.Close()
	if errors.Is(err, io.EOF) {
		return closeErr
	}
	return err
}

func (s *statement) exists(values ...any) (bool, error) {
	var one [1]driver.Value
	return s.row(one[:], values...)
}

func (s *statement) close() error {
	if s.stmt == nil {
		return nil
	}
	return s.stmt.Close()
}

// bulk inserts rows many at a time, which costs half of one at a time.
type bulk struct {
	columns int
	sizes   []*statement // of bulkSizes rows each
	changes *statement
	args    []driver.NamedValue
	changed int64
}

// bulkSizes are the numbers of rows in a statement: full ones while rows come,
// then what is left in few statements.
var bulkSizes = []int{64, 8, 1}

func newBulk(conn *sqlite3.SQLiteConn, insert string, columns int, conflict string) *bulk {
	row := "(" + strings.Repeat("?,", columns-1) + "?)"
	b := &bulk{
		columns: columns,
		changes: &statement{conn: conn, sql: `SELECT changes()`},
		args:    make([]driver.NamedValue, 0, bulkSizes[0]*columns),
	}
	for _, n := range bulkSizes {
		values := strings.Repeat(row+",", n-1) + row
		b.sizes = append(b.sizes, &statement{conn: conn, sql: insert + " VALUES " + values + " " + conflict})
	}
	return b
}

// add queues a row. It executes a statement when enough rows are there.
func (b *bulk) add(values ...any) error {
	for _, v := range values {
		b.args = append(b.args, driver.NamedValue{Ordinal: len(b.args) + 1, Value: v})
	}
	if len(b.args) < bulkSizes[0]*b.columns {
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
	rest := b.args
	for i, n := range bulkSizes {
		for len(rest) >= n*b.columns {
			if err := b.run(b.sizes[i], rest[:n*b.columns]); err != nil {
				return err
			}
			rest = rest[n*b.columns:]
		}
	}
	b.args = b.args[:0]
	return nil
}

// run executes the statement as a query: for a query go-sqlite3 passes all
// arguments to C in one call, for Exec it makes a call for each.
func (b *bulk) run(s *statement, args []driver.NamedValue) error {
	if err := s.prepare(); err != nil {
		return err
	}
	for i := range args {
		args[i].Ordinal = i + 1
	}
	if _, err := s.query(nil, args); err != nil {
		return err
	}
	var changes [1]driver.Value
	if _, err := b.changes.row(changes[:]); err != nil {
		return err
	}
	n, _ := changes[0].(int64)
	b.changed += n
	return nil
}

func (b *bulk) close() error {
	errs := []error{b.changes.close()}
	for _, s := range b.sizes {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
