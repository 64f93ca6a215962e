package database

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jmoiron/sqlx"
)

// UpdateLive runs work in one transaction of an existing database, beside the
// process that has it open for writing, which waits meanwhile: work must be
// short, and must not touch what that process believes to be its own.
func UpdateLive(ctx context.Context, path string, work func(*sqlx.Tx) error) (err error) {
	db, _, err := connect(ctx, path, url.Values{"mode": {"rw"}, "_busy_timeout": {busyTimeout}, "_txlock": {"immediate"}})
	if err != nil {
		return fmt.Errorf("open database %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write to database %s: %w", path, err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := work(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write to database %s: %w", path, err)
	}
	return nil
}

// Copy writes the database as it is at one moment to a new file, without
// disturbing the process that writes it. The copy is compact, and no log is
// beside it.
func Copy(ctx context.Context, path, file string) (err error) {
	db, _, err := connect(ctx, path, url.Values{"mode": {"ro"}, "_busy_timeout": {busyTimeout}})
	if err == nil {
		_, err = db.ExecContext(ctx, `VACUUM INTO ?`, file)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy database %s to %s: %w", path, file, err), removeAll(file))
	}
	return nil
}
