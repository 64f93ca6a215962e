package database

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jmoiron/sqlx"
)

// bootFile has another content after each start of the machine, on Linux.
const bootFile = "/proc/sys/kernel/random/boot_id"

// BootID identifies the time since the machine was started. It is empty where
// the system does not tell.
func BootID() string {
	id, _ := os.ReadFile(bootFile)
	return strings.TrimSpace(string(id))
}

// Building is a database that nobody reads before it is finished.
type Building struct {
	*Database
	file *os.File // open as long as SQLite has it, whose locks closing it would drop
}

// Build opens for writing, as [Open] does, a database that nobody reads before
// it is finished. Each page is therefore written once, without a write-ahead
// log. A process may die at any time and another go on; but the file is worth
// nothing once [BootID] has changed, because where that can be told SQLite
// forces nothing to the disk. begin, if not nil, is called before the file is
// opened, and only when no other process has it open for writing.
func Build(ctx context.Context, path string, begin func(path string) error) (*Building, error) {
	d, err := open(ctx, path, begin, buildOptions())
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), d.Close())
	}
	return &Building{d, file}, nil
}

func buildOptions() url.Values {
	options := WriterOptions()
	options.Set("_journal_mode", "TRUNCATE")
	options.Set("_synchronous", "FULL")
	if BootID() != "" {
		options.Set("_synchronous", "OFF")
	}
	return options
}

// Sync forces to the disk what was written. It may run beside the writing, so
// that Finish has less left to do.
func (u *Building) Sync() error {
	if err := u.file.Sync(); err != nil {
		return fmt.Errorf("sync database %s: %w", u.Path, err)
	}
	return nil
}

// Finish closes the database as one for [Replace]: on the disk as a whole, and
// with a write-ahead log, as readers beside a writer want it.
func (u *Building) Finish(ctx context.Context) error {
	_, err := u.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
	if err != nil {
		err = fmt.Errorf("finish database %s: %w", u.Path, err)
	}
	return errors.Join(err, u.Database.Close(), u.Sync(), u.file.Close(), syncFolder(filepath.Dir(u.Path)))
}

// Close closes the database as it is, for another Build to go on.
func (u *Building) Close() error { return errors.Join(u.Database.Close(), u.file.Close()) }

// OpenBuilding opens for reading what [Build] has left, and takes back what a
// process that died had not written completely.
func OpenBuilding(path string) (*sqlx.DB, error) {
	return openReader(path, "rw")
}
