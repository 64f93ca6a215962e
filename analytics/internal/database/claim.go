package database

import (
	"context"
	"encoding/binary"
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
// database is built, without one. Only in a file of ours does SQLite take back
// what a process that failed has left in a rollback journal.
func readOrigin(ctx context.Context, file string) (o origin, err error) {
	options := url.Values{"mode": {"ro"}, "immutable": {"1"}}
	if fileSize(file+"-journal") > 0 {
		if !headerIsOurs(file) {
			return o, ErrForeign
		}
		options = url.Values{"mode": {"rw"}, "_busy_timeout": {busyTimeout}}
	}
	db, _, err := connect(ctx, file, options)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if id, _, err := whose(ctx, db); err != nil || id != applicationID {
		return o, errors.Join(ErrForeign, err)
	}
	return o, db.GetContext(ctx, &o, `SELECT database_id, built_as, built_for FROM internal_database`)
}

// headerIsOurs reads the application_id where the file has it, because SQLite
// can refuse a file with a rollback journal that it has not yet taken back
// (https://sqlite.org/fileformat2.html#the_database_header). It is for files
// that this process does not have open: closing drops SQLite's locks.
func headerIsOurs(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	id := make([]byte, 4)
	_, err = f.ReadAt(id, 68)
	return err == nil && binary.BigEndian.Uint32(id) == applicationID
}

// Claim marks the database as one that is built under the name it has, to
// replace the one that path leads to. A copy under another name carries a mark
// that does not fit.
func (d *Database) Claim(ctx context.Context, path string) error {
	present := ResolvePath(path)
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
	present, err := readOrigin(ctx, ResolvePath(path))
	if err != nil {
		return built.BuiltFor == ResolvePath(path)
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
		return fmt.Errorf("create a file for a database: %w", err)
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
	real := ResolvePath(path)
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

// RunningBuild returns the file in which another process is building a database
// to replace the one that path leads to.
func RunningBuild(path string) (file string, found bool) {
	for n := 1; taken(nextFile(path, n)); n++ {
		if file := nextFile(path, n); locked(file + ".lock") {
			return file, true
		}
	}
	return "", false
}
