// Package backup copies a database, beside the process that writes it, and
// proves the copy before it gets its name.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/verify"
)

// pollEvery is how often a copy's progress is looked at.
const pollEvery = 200 * time.Millisecond

// Observer is told how far a copy is, by one goroutine at a time.
type Observer struct {
	Copied   func(bytes int64) // so far
	Verified func()            // one check of [verify.Count]
}

// Save copies the database to a new file: as it is at one moment, compact,
// without a write-ahead log, verified and on the disk. It fails if the file
// exists. A process that dies leaves FILE.part, which is no backup.
func Save(ctx context.Context, path, file string, o Observer) (report verify.Report, err error) {
	if err := examine(path, file); err != nil {
		return report, err
	}
	part := file + ".part"
	if err := create(part); errors.Is(err, fs.ErrExist) {
		return report, fmt.Errorf("%w; delete it if an interrupted copy left it", err)
	} else if err != nil {
		return report, err
	}
	if err := copyTo(ctx, path, part, o.Copied); err != nil {
		return report, err // and the part is gone
	}
	if report, err = prove(ctx, part, o.Verified); err == nil {
		err = publish(part, file)
	}
	if err != nil {
		return report, errors.Join(fmt.Errorf("copy database %s to %s: %w", path, file, err), os.Remove(part))
	}
	return report, database.SyncFolder(filepath.Dir(file))
}

// Restore is Save in the other direction: it makes the database at path from a
// backup. It never replaces a database, and no process may write one at path.
func Restore(ctx context.Context, file, path string, o Observer) (report verify.Report, err error) {
	if err := examine(file, path); err != nil { // before the lock: one beside a file of another program would claim it
		return report, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return report, fmt.Errorf("restore database %s: %w", path, err)
	}
	release, err := database.Reserve(path)
	if err != nil {
		return report, fmt.Errorf("restore database %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, release()) }()
	return Save(ctx, file, path, o)
}

// examine refuses a source that is no database of this program, and a
// destination that is in use.
func examine(path, file string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("copy a database: %w", err)
	}
	if err := database.Check(path); err != nil {
		return err
	}
	return unused(file)
}

// unused refuses a file that exists, and one beside which SQLite would find a
// log of another database.
func unused(file string) error {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if _, err := os.Lstat(file + suffix); err == nil {
			return fmt.Errorf("%s%s: %w; move it away or name another file", file, suffix, fs.ErrExist)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// create makes an empty file that only its owner may read.
func create(file string) error {
	made, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return made.Close()
}

// copyTo fills the part, and removes it where that fails.
func copyTo(ctx context.Context, path, part string, copied func(int64)) error {
	done := make(chan error, 1)
	go func() { done <- database.Copy(ctx, path, part) }()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			bytes, _ := database.Size(part)
			copied(bytes)
		}
	}
}

// prove verifies the copy.
func prove(ctx context.Context, part string, verified func()) (report verify.Report, err error) {
	db, err := database.OpenReader(part)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if report, err = verify.Run(ctx, db, verified); err != nil {
		return report, err
	}
	if n := len(report.Differences); n > 0 {
		return report, fmt.Errorf("the copy has differences: %s; run `analytics verify`, then `analytics replay`",
			strings.Join(report.Differences, "; "))
	}
	return report, nil
}

// publish gives the copy its name, unless a file has it by now: it renames over
// an empty file of its own.
func publish(part, file string) error {
	if err := database.Sync(part); err != nil {
		return err
	}
	if err := create(file); err != nil {
		return err
	}
	return os.Rename(part, file)
}
