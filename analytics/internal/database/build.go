package database

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jmoiron/sqlx"
)

// bootFile has another content after each start of the machine, on Linux.
const bootFile = "/proc/sys/kernel/random/boot_id"

// Boot identifies the time since the machine was started. It is empty where
// the system does not tell.
func Boot() string {
	id, _ := os.ReadFile(bootFile)
	return strings.TrimSpace(string(id))
}

// Build opens for writing, as [Open] does, a file that nobody reads before it
// is [Database.Finish]ed. Each page is therefore written once, without a
// write-ahead log. A process may die at any time and another go on; but the
// file is worth nothing once [Boot] has changed, because where that can be
// told nothing is forced to the disk before the end. With clean, what the file
// holds is deleted first, unless another process has it open for writing.
func Build(ctx context.Context, path string, clean bool) (*Database, error) {
	return open(ctx, path, clean, buildOptions())
}

func buildOptions() url.Values {
	options := WriterOptions()
	options.Set("_journal_mode", "TRUNCATE")
	options.Set("_synchronous", "FULL")
	if Boot() != "" {
		options.Set("_synchronous", "OFF")
	}
	return options
}

// Finish closes a database that was built, as one for [Replace]: with a
// write-ahead log, as readers beside a writer want it.
func (d *Database) Finish(ctx context.Context) error {
	_, err := d.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
	if err != nil {
		err = fmt.Errorf("finish database %s: %w", d.Path, err)
	}
	return errors.Join(err, d.Close())
}

// OpenUnfinished opens for reading what [Build] has left, and takes back what a
// process that died had not written completely.
func OpenUnfinished(path string) (*sqlx.DB, error) {
	return openReader(path, "rw")
}
