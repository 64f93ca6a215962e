package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"syscall"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// ErrForeign is the error of a path that leads to something else than a
// database of this program, which is neither written nor deleted.
var ErrForeign = errors.New("not a database of this program")

// foreign is an ErrForeign that says it in its own words.
type foreign string

func (f foreign) Error() string      { return string(f) }
func (foreign) Is(target error) bool { return target == ErrForeign }

const applicationID = 0x50555243 // as the first migration sets it

// smallestDatabase is the smallest page that SQLite has, in bytes. It takes a
// file of one byte for an empty database, and writes over it.
const smallestDatabase = 512

const nameAnother = "; name another file with --db"

// Examine fails with an [ErrForeign] when path leads to something that is
// neither empty nor a database of this program. It writes nothing, and a path
// that does not exist is no error.
func Examine(ctx context.Context, path string) error {
	if path == "" || path == ":memory:" {
		return foreign(fmt.Sprintf("%q is not a file"+nameAnother, path))
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return dangling(path)
	}
	if err != nil {
		return err
	}
	if err := examineInfo(path, info); err != nil || info.Size() == 0 {
		return err
	}
	return examineContent(ctx, path)
}

func dangling(path string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return nil
	}
	return foreign(fmt.Sprintf("%s is a symbolic link to %s, which does not exist; restore that file or delete the link",
		path, target))
}

func examineInfo(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.IsDir():
		return foreign(path + " is a folder; name a file in it with --db")
	case !info.Mode().IsRegular():
		return foreign(path + " is not a regular file" + nameAnother)
	case info.Size() > 0 && info.Size() < smallestDatabase && !lockBeside(path):
		return foreign(path + " is not a SQLite database" + nameAnother)
	case ok && stat.Nlink > 1:
		return foreign(fmt.Sprintf("%s has %d hard links, each of which would have a write-ahead log of its own; copy it "+
			"to a file with one name", path, stat.Nlink))
	}
	return nil
}

// examineContent looks first without SQLite's locks and log, so that nothing
// is made beside a file of another program. The log matters where the file
// itself does not say yet whose it is.
func examineContent(ctx context.Context, path string) error {
	empty, err := examineAs(ctx, path, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	if err == nil && empty && fileSize(ResolvePath(path)+"-wal") > 0 {
		_, err = examineAs(ctx, path, url.Values{"mode": {"ro"}, "_busy_timeout": {busyTimeout}})
	}
	return err
}

// examineAs says whether the database is of nobody yet. A damaged one is no
// error: opening it tells more.
func examineAs(ctx context.Context, path string, options url.Values) (empty bool, err error) {
	db, _, err := connect(ctx, path, options)
	if err != nil {
		return false, notSQLite(path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	id, tables, err := whose(ctx, db)
	switch {
	case err != nil:
		return false, notSQLite(path, err)
	case id == applicationID:
		return false, nil
	case id != 0 || tables > 0:
		return false, foreign(fmt.Sprintf("%s is a SQLite database of another program (application_id 0x%x)"+nameAnother,
			path, id))
	}
	return true, nil
}

// whose counts the tables without goose's, which it makes before the first
// migration sets the application_id.
func whose(ctx context.Context, db *sqlx.DB) (id uint32, tables int, err error) {
	if err := db.GetContext(ctx, &id, `PRAGMA application_id`); err != nil || id != 0 {
		return id, 0, err
	}
	err = db.GetContext(ctx, &tables,
		`SELECT count(*) FROM sqlite_schema WHERE tbl_name NOT IN ('goose_db_version', 'sqlite_sequence')`)
	return id, tables, err
}

// notSQLite tells a file of another kind from a database whose first page is
// damaged: that one begins as every database does, or this program has left
// its lock beside it.
func notSQLite(path string, err error) error {
	fault := sqlite3.Error{}
	if !errors.As(err, &fault) || fault.Code != sqlite3.ErrNotADB && fault.Code != sqlite3.ErrCorrupt {
		return fmt.Errorf("open database %s: %w", path, err)
	}
	if fault.Code == sqlite3.ErrCorrupt || lockBeside(path) {
		return nil
	}
	return foreign(path + " is not a SQLite database" + nameAnother)
}

// lockBeside says whether this program has written the file, damaged or not.
func lockBeside(path string) bool {
	content, err := os.ReadFile(path + ".lock")
	return err == nil && isProcess(content)
}
