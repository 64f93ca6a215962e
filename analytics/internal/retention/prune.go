package retention

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/database"
	"purchases/producer/testkit/crashpoint"
)

const (
	stepEvents = 20_000 // that are deleted in one transaction, at most
	stepPages  = 2_000  // that are given back in one, at most
	// rest is longer than SQLite sleeps between two attempts to begin a
	// transaction, so that a process that waits gets its turn between two steps.
	rest = 150 * time.Millisecond
	// attempts is how often a step begins that finds the database busy, for
	// several seconds each.
	attempts = 12
)

// Plan is what a prune is going to delete.
type Plan struct {
	Path string
	Zone string // the reporting zone, whose day it is
	Kept Kept   // afterwards
	// Events are to be deleted, from First to Last.
	Events      int64
	First, Last int64 // occurred_at
}

// Report is what a prune has done.
type Report struct {
	Events int64 // that it has deleted
	Bytes  int64 // by which the file is shorter, once its log is copied into it
	Unused int64 // bytes of the file that are of no use until something is written to them
}

// Prepare says what a prune would delete, and changes nothing. What an interrupted
// one has left is to be deleted, too.
func Prepare(ctx context.Context, db *sqlx.DB, path, zoneName string, kept Kept) (Plan, error) {
	p := Plan{Path: path, Zone: zoneName, Kept: kept}
	before, err := Read(ctx, db)
	if err != nil {
		return p, err
	}
	if before.Since > kept.Since {
		p.Kept = before
	}
	err = db.QueryRowxContext(ctx, `SELECT count(*), ifnull(min(occurred_at), 0), ifnull(max(occurred_at), 0)
		FROM events WHERE occurred_at < ?`, p.Kept.Since).Scan(&p.Events, &p.First, &p.Last)
	if err != nil {
		return p, fmt.Errorf("count the events of %s before %s: %w", path, p.Kept.Date(), err)
	}
	return p, nil
}

// Run deletes events, the oldest first, in short transactions with a rest between
// them. deleted is called after each with the number of its events. Whatever
// interrupts it, the database is right, and the next prune continues.
func Run(ctx context.Context, p Plan, deleted func(int64)) (r Report, err error) {
	for last := int64(1); last > 0; r.Events += last {
		err := besideWriter(ctx, p.Path, func(tx *sqlx.Tx) (err error) {
			last, err = p.step(ctx, tx, stepEvents)
			return err
		})
		if err != nil {
			return r, fmt.Errorf("prune %s before %s: %w", p.Path, p.Kept.Date(), err)
		}
		crashpoint.At("prune.step")
		deleted(last)
	}
	if r.Bytes, r.Unused, err = shrink(ctx, p.Path); err != nil {
		return r, fmt.Errorf("shrink %s after pruning: %w", p.Path, err)
	}
	return r, nil
}

// besideWriter runs one step after a rest, and waits for its turn beside a process
// that is busy.
func besideWriter(ctx context.Context, path string, work func(*sqlx.Tx) error) (err error) {
	for range attempts {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rest):
		}
		if err = database.UpdateLive(ctx, path, work); !isBusy(err) {
			return err
		}
	}
	return err
}

func isBusy(err error) bool {
	fault := sqlite3.Error{}
	return errors.As(err, &fault) && fault.Code == sqlite3.ErrBusy
}

// shrink gives unused pages back to the file system, if the database was made by a
// program that lets it.
func shrink(ctx context.Context, path string) (bytes, unused int64, err error) {
	for {
		var pages int64
		err := besideWriter(ctx, path, func(tx *sqlx.Tx) (err error) {
			pages, unused, err = shrinkStep(ctx, tx)
			return err
		})
		if err != nil || pages == 0 {
			return bytes, unused, err
		}
		bytes += pages
	}
}

// shrinkStep returns how many bytes were given back and how many are left.
func shrinkStep(ctx context.Context, tx *sqlx.Tx) (given, left int64, err error) {
	var before int64
	if err := tx.GetContext(ctx, &before, unusedBytes); err != nil || before == 0 {
		return 0, 0, err
	}
	rows, err := tx.QueryxContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, stepPages))
	if err != nil {
		return 0, before, err
	}
	for rows.Next() { // each row is a page
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, before, err
	}
	err = tx.GetContext(ctx, &left, unusedBytes)
	return before - left, left, err
}

const unusedBytes = `SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size`
