// Package verify compares what the database says in two places: statistics with
// the events that they sum up, counts with the rows that they count, offsets
// with the records stored. It repairs nothing, and it does not read Kafka.
package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// cache is for the sorting of many events, in KiB, negative as PRAGMA
// cache_size has it.
const cache = "PRAGMA cache_size = -65536"

// Report is the outcome.
type Report struct {
	Events, Rejected int64 // how many the database holds
	Checks           int   // that were made
	// Differences has a line for each check that found some, the most
	// important first.
	Differences []string
}

// Run makes all checks on one snapshot of the database, on one connection. It
// writes nothing and keeps no writer waiting. After each check it calls done.
//
// While it runs, the writer's log cannot be emptied and grows by what is
// written meanwhile.
func Run(ctx context.Context, db *sqlx.DB, done func()) (Report, error) {
	conn, err := db.Connx(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, cache); err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	tx, err := conn.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	return run(ctx, tx, done)
}

func run(ctx context.Context, tx *sqlx.Tx, done func()) (r Report, err error) {
	for _, check := range Checks() {
		difference, err := check.Find(ctx, tx)
		if err != nil {
			return r, fmt.Errorf("verify %s: %w", check.Name, err)
		}
		if difference != "" {
			r.Differences = append(r.Differences, difference)
		}
		r.Checks++
		done()
	}
	if len(r.Differences) > 0 {
		return r, nil
	}
	err = tx.QueryRowxContext(ctx, `SELECT (SELECT ifnull(sum(events), 0) FROM partitions), (SELECT count(*) FROM rejected)`).Scan(&r.Events, &r.Rejected)
	return r, err
}

// Find returns the check's differences in one line, which is empty when there
// are none. What SQLite cannot read or add up is a difference, too.
func (c Check) Find(ctx context.Context, db sqlx.QueryerContext) (string, error) {
	var (
		rows  int64
		first sql.NullString
	)
	err := db.QueryRowxContext(ctx, "SELECT count(*), min(difference) FROM (SELECT NULL AS difference WHERE 0 UNION ALL "+
		"SELECT * FROM ("+c.SQL+"))").Scan(&rows, &first)
	switch fault := (sqlite3.Error{}); {
	case errors.As(err, &fault) && (fault.Code == sqlite3.ErrCorrupt || fault.Code == sqlite3.ErrError):
		return fmt.Sprintf("%s: cannot be checked: %v", c.Name, err), nil
	case err != nil:
		return "", err
	case rows == 0:
		return "", nil
	case rows == 1:
		return fmt.Sprintf("%s: %s", c.Name, first.String), nil
	}
	return fmt.Sprintf("%s: %d differences, such as %s", c.Name, rows, first.String), nil
}
