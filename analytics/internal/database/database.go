// Package database opens the SQLite file: for the one process that writes it,
// locked and migrated, or for reading, beside a writer and without disturbing
// it. What is written and asked is other packages' business.
package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sys/unix"
)

// DefaultPath is where the programs look for the database.
const DefaultPath = "data/analytics.db"

// ErrMissing is the error of a database that does not exist.
var ErrMissing = errors.New("no database")

const (
	busyTimeout  = "5000"   // milliseconds
	writerCache  = "-24576" // KiB, negative as PRAGMA cache_size has it
	readersLimit = 4
)

// Database is the file opened for writing.
type Database struct {
	*sqlx.DB
	Path string
	File
	// Checkpointed, when not nil, is told how long each copying of the write-ahead
	// log into the database took.
	Checkpointed func(time.Duration)
	// Space, when not nil, says how much the file system has in place of [SpaceOf].
	Space func(path string) (Space, error)

	lock    *lock
	options url.Values // of its connections
}

// Open opens the database for writing, makes it if there is none, and brings
// its schema up to date. It fails when another process has it open for writing
// or when its schema is newer than this program, and with an [ErrForeign] when
// the file is neither empty nor a database of this program.
//
// The journal is a write-ahead log, so that readers and the writer do not wait
// for each other. synchronous=NORMAL may lose the last transactions in a power
// cut, together with their offsets: they are then read from Kafka again
// (https://sqlite.org/pragma.html#pragma_synchronous).
func Open(ctx context.Context, path string) (*Database, error) {
	return open(ctx, path, nil, WriterOptions())
}

// open calls begin, if there is one, once the lock says that nobody else fills
// the file.
func open(ctx context.Context, path string, begin func(path string) error, options url.Values) (*Database, error) {
	if err := Examine(ctx, path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the database: %w", err)
	}
	lock, err := acquire(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d := &Database{Path: path, lock: lock, options: options}
	if begin != nil {
		err = begin(path)
	}
	if err == nil {
		err = d.open(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return d, nil
}

// open opens what Path leads to now. A file that does not exist is made before
// SQLite sees it, so that it has an identity.
func (d *Database) open(ctx context.Context) error {
	made, err := os.OpenFile(d.Path, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = made.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("open database %s: %w", d.Path, err)
	}
	if err := letShrink(ctx, d.Path); err != nil {
		return fmt.Errorf("create database %s: %w", d.Path, err)
	}
	db, file, err := connect(ctx, d.Path, d.options)
	if err != nil {
		return fmt.Errorf("open database %s: %w", d.Path, err)
	}
	if err := migrate(ctx, db); err != nil {
		return errors.Join(fmt.Errorf("open database %s: %w", d.Path, err), db.Close())
	}
	d.DB, d.File = db, file
	return nil
}

// letShrink writes into an empty file that pages which are not used any more can be
// given back: SQLite takes that only before it has written anything else
// (https://sqlite.org/pragma.html#pragma_auto_vacuum).
func letShrink(ctx context.Context, path string) error {
	if fileSize(path) > 0 || fileSize(ResolvePath(path)+"-wal") > 0 {
		return nil
	}
	db, _, err := connect(ctx, path, url.Values{"_auto_vacuum": {"incremental"}, "_busy_timeout": {busyTimeout}})
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `PRAGMA user_version = 0`) // writes the file's first page
	return errors.Join(err, db.Close())
}

// WriterOptions are those of go-sqlite3 with which [Open] connects.
func WriterOptions() url.Values {
	return url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_busy_timeout": {busyTimeout},
		"_cache_size": {writerCache}, "_txlock": {"immediate"},
		"_mutex": {"no"}, // database/sql uses a connection for one call at a time (https://sqlite.org/threadsafe.html)
	}
}

// Reopen leaves a database that was replaced for the one in its place. The
// lock is of the path, and kept. It makes no database. After an error only
// Close is left.
func (d *Database) Reopen(ctx context.Context) error {
	if err := d.DB.Close(); err != nil {
		return fmt.Errorf("close the replaced database %s: %w", d.Path, err)
	}
	if err := Examine(ctx, d.Path); err != nil {
		return err
	}
	if fileSize(d.Path) == 0 {
		return fmt.Errorf("database %s: %w", d.Path, ErrGone)
	}
	return d.open(ctx)
}

// Close empties the write-ahead log if no reader needs it, which SQLite itself
// does only when there is no reader at all, then closes the connections and
// frees the lock. What cannot be emptied is no error: the next process uses it.
func (d *Database) Close() error {
	_, _ = d.Truncate(context.Background(), 0)
	return errors.Join(d.DB.Close(), d.lock.release())
}

// OpenReader opens an existing database for reading: a small pool of
// connections that cannot write. A missing file is an [ErrMissing]; a database
// whose schema is older or newer than this program is refused.
func OpenReader(path string) (*sqlx.DB, error) { return openReader(path, "ro") }

func openReader(path, mode string) (*sqlx.DB, error) {
	if err := Examine(context.Background(), path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s; `analytics run` makes it, --db names another", ErrMissing, path)
	}
	options := url.Values{"mode": {mode}, "_query_only": {"true"}, "_busy_timeout": {busyTimeout}}
	db, _, err := connect(context.Background(), path, options)
	if err != nil {
		return nil, fmt.Errorf("open database %s for reading: %w", path, err)
	}
	if err := checkSchema(db); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s for reading: %w", path, err), db.Close())
	}
	db.SetMaxOpenConns(readersLimit)
	return db, nil
}

// Check says whether [OpenReader] would open the database.
func Check(path string) error {
	db, err := OpenReader(path)
	if err != nil {
		return err
	}
	return db.Close()
}

func connect(ctx context.Context, path string, options url.Values) (*sqlx.DB, File, error) {
	return Connect(ctx, path, options, func(c Connector) driver.Connector { return c })
}

// atRest says whether nobody can write the database meanwhile, as far as this
// process can tell: its folder cannot be written, it has no log, and no process
// holds its lock. SQLite could not make the files there that it shares with a
// writer (https://sqlite.org/wal.html#read_only_databases).
func atRest(path string) bool {
	real := ResolvePath(path)
	return unix.Access(filepath.Dir(real), unix.W_OK) != nil && fileSize(real+"-wal") == 0 && !locked(path+".lock")
}
