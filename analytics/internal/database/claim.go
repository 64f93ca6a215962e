package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// origin is what a database says of itself.
type origin struct {
	ID       string `db:"database_id"`
	BuiltAs  string `db:"built_as"`
	BuiltFor string `db:"built_for"`
}

// readOrigin writes nothing, and reads no log: the marks are made while a
// database is built, without one.
func readOrigin(ctx context.Context, file string) (o origin, err error) {
	db, _, err := connect(ctx, file, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	id, _, err := whose(ctx, db)
	if err == nil && id != applicationID {
		err = ErrForeign
	}
	if err == nil && fileSize(file+"-journal") > 0 { // ours, and SQLite must take back what a process that failed has left
		return readRecovered(ctx, file)
	}
	if err == nil {
		err = db.GetContext(ctx, &o, `SELECT database_id, built_as, built_for FROM internal_database`)
	}
	return o, err
}

func readRecovered(ctx context.Context, file string) (o origin, err error) {
	db, _, err := connect(ctx, file, url.Values{"mode": {"rw"}, "_busy_timeout": {busyTimeout}})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return o, db.GetContext(ctx, &o, `SELECT database_id, built_as, built_for FROM internal_database`)
}

// Claim marks the database as one that is built under the name it has, to
// replace the one that path leads to. A copy under another name carries a mark
// that does not fit.
func (d *Database) Claim(ctx context.Context, path string) error {
	present := Real(path)
	id := present
	if old, err := OpenReader(path); err == nil { // and not the damaged one
		_ = old.GetContext(ctx, &id, `SELECT database_id FROM internal_database`)
		_ = old.Close()
	}
	_, err := d.ExecContext(ctx, `UPDATE internal_database SET built_as = ?, built_for = ?`, filepath.Base(d.Path), id)
	if err != nil {
		return fmt.Errorf("mark %s as built for %s: %w", d.Path, path, err)
	}
	return nil
}

// Claimed says whether the file is a database that [Claim] marked for the one
// that path leads to, or that this one was built to replace.
func Claimed(ctx context.Context, file, path string) bool {
	info, err := os.Lstat(file)
	if err != nil || examineInfo(file, info) != nil {
		return false
	}
	built, err := readOrigin(ctx, file)
	if err != nil || built.BuiltAs != filepath.Base(file) {
		return false
	}
	present, err := readOrigin(ctx, Real(path))
	if err != nil {
		return built.BuiltFor == Real(path)
	}
	return built.BuiltFor == present.ID || built.ID == present.BuiltFor
}

// FindBuild returns what an interrupted replay has built for path, or else a
// file that does not exist.
func FindBuild(ctx context.Context, path string) (file string, found bool) {
	for n := 1; taken(nextFile(path, n)); n++ {
		if file := nextFile(path, n); Claimed(ctx, file, path) {
			return file, true
		}
	}
	return NextFile(path), false
}

// Create makes an empty file, and fails where there is one.
func Create(file string) error {
	made, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make a file for a database: %w", err)
	}
	return made.Close()
}

// CreateAnew is Create for a file that may be there if it is claimed for path.
func CreateAnew(ctx context.Context, file, path string) error {
	if Claimed(ctx, file, path) {
		if err := RemoveContent(file); err != nil {
			return fmt.Errorf("remove what an interrupted replay has built: %w", err)
		}
	}
	return Create(file)
}

// DamagedFile names the file that keeps a database that cannot be read.
func DamagedFile(path string, at time.Time) string {
	return path + ".damaged-" + at.UTC().Format("20060102T150405Z")
}

// SetAside renames the database that path leads to, with its log, for
// [Replace] to put another in its place.
func SetAside(path, as string) error {
	real := Real(path)
	if _, err := os.Lstat(as); err == nil {
		return fmt.Errorf("rename the damaged database %s to %s: %w", path, as, fs.ErrExist)
	}
	if err := os.Rename(real, as); err != nil {
		return fmt.Errorf("rename the damaged database %s: %w", path, err)
	}
	if err := os.Rename(real+"-wal", as+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rename the log of the damaged database %s: %w", path, err)
	}
	return removeAll(real + "-shm")
}
