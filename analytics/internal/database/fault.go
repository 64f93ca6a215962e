package database

import (
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// Explain adds to an error of SQLite which database it is of, what happened,
// and what to do. Any other error it returns as it is.
func Explain(path string, err error) error {
	fault := sqlite3.Error{}
	if !errors.As(err, &fault) {
		return err
	}
	what := explanation(fault.Code)
	if what == "" {
		return err
	}
	return fmt.Errorf("database %s: %s: %w", path, what, err)
}

func explanation(code sqlite3.ErrNo) string {
	const intact = "stored data is intact"
	switch code {
	case sqlite3.ErrFull:
		return "the disk is full; " + intact + "; free some space and run `analytics run` to resume"
	case sqlite3.ErrIoErr:
		return "the disk failed to read or write; check the disk and its free space, then run `analytics verify`, then `analytics run` to resume"
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return "the file is damaged; check the disk, run `analytics verify` to list the damage, and `analytics replay` to rebuild it from Kafka"
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return "another program, such as a sqlite3 shell in a transaction, holds its write lock; " + intact + "; end that program and retry"
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen, sqlite3.ErrAuth:
		return "it cannot be opened or written; check owner, permissions and free space of the file and its folder"
	}
	return ""
}
