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

	"purchases/analytics/internal/gaps"
	"purchases/analytics/internal/retention"
)

// cache is for the sorting of many events, in KiB, negative as PRAGMA
// cache_size has it.
const cache = "PRAGMA cache_size = -65536"

// Report is the outcome.
type Report struct {
	Events, Rejected int64 // how many the database holds; the events that were pruned count
	Pruned           int64 // of the events
	Checks           int   // that were made
	// Differences has a line for each check that found some, the most
	// important first.
	Differences []string
	// Warnings has a line for each finding that leaves the statistics right, and
	// usually is a mistake of who writes the events.
	Warnings []string
}

// Count is how many checks there are.
func Count() int { return len(Checks(retention.All)) + len(computed) }

// computed are the checks that SQL alone cannot make.
var computed = []struct {
	name string
	find func(context.Context, *sqlx.Tx) (string, error)
}{
	{"checksums", checksums},
	{"the gaps before the processor", lostGaps},
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
	kept, err := retention.Read(ctx, tx)
	if err != nil {
		return r, fmt.Errorf("verify: %w", err)
	}
	for _, check := range Checks(kept) {
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
	for _, check := range computed {
		difference, err := check.find(ctx, tx)
		switch {
		case isDamage(err):
			difference = fmt.Sprintf("%s: cannot be checked: %v", check.name, err)
		case err != nil:
			return r, fmt.Errorf("verify %s: %w", check.name, err)
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
	if r.Warnings, err = warnings(ctx, tx); err != nil {
		return r, fmt.Errorf("verify: %w", err)
	}
	err = tx.QueryRowxContext(ctx,
		`SELECT (SELECT ifnull(sum(events), 0) FROM internal_partitions), (SELECT count(*) FROM rejected),
		(SELECT ifnull(sum(events), 0) FROM internal_pruned)`).Scan(&r.Events, &r.Rejected, &r.Pruned)
	return r, err
}

// warnings looks for gaps, for conflicts, and for event ids with several timestamps.
func warnings(ctx context.Context, tx *sqlx.Tx) (list []string, err error) {
	missing, err := gaps.Warning(ctx, tx)
	if err != nil {
		return nil, err
	}
	if missing != "" {
		list = append(list, missing)
	}
	var conflicts int64
	if err := tx.GetContext(ctx, &conflicts, `SELECT ifnull(sum(conflicts), 0) FROM internal_partitions`); err != nil {
		return nil, err
	}
	if conflicts > 0 {
		list = append(list, fmt.Sprintf("%d records have the identity of a stored event and other content, and were not "+
			"counted; "+
			"`analytics query duplicates --kind conflict` lists them", conflicts))
	}
	var repeated struct {
		IDs  int64
		Some sql.NullString
	}
	err = tx.GetContext(ctx, &repeated,
		`SELECT count(*) AS ids, min(id) AS some FROM (SELECT ifnull(max(given_id), lower(hex(event_id))) AS id
		FROM events GROUP BY event_id HAVING count(*) > 1)`)
	if err == nil && repeated.IDs > 0 {
		list = append(list, fmt.Sprintf("%d event ids stand on events of different times, such as %.60q, and each event "+
			"counts; "+
			"`analytics query repeated-ids` lists them", repeated.IDs, repeated.Some.String))
	}
	return list, err
}

// isDamage says that SQLite cannot read or add up what is stored.
func isDamage(err error) bool {
	fault := sqlite3.Error{}
	return errors.As(err, &fault) && (fault.Code == sqlite3.ErrCorrupt || fault.Code == sqlite3.ErrError)
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
	switch {
	case isDamage(err):
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
