package database

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Explain adds to an error of SQLite, or of [Database.CheckRoom], which database
// it is of, what happened, and what to do. Any other error it returns as it is.
func Explain(path string, err error) error {
	fault := sqlite3.Error{}
	if !errors.As(err, &fault) && !IsFull(err) {
		return err
	}
	if fault.SystemErrno == syscall.EMFILE || fault.SystemErrno == syscall.ENFILE {
		return fmt.Errorf("database %s: %w: %w", path, err, fault.SystemErrno)
	}
	code := fault.Code
	if IsFull(err) {
		code = sqlite3.ErrFull
	}
	what := explanation(code)
	if what == "" {
		return err
	}
	return fmt.Errorf("database %s: %s: %w", path, what, err)
}

// IsFull says whether the error is that of [Database.CheckRoom], or SQLite's of a
// disk without room: of a full one, of a quota that is used up, or of a file that
// may not grow. SQLite has a code for the first only, and not everywhere.
func IsFull(err error) bool {
	if room := (*noRoom)(nil); errors.As(err, &room) {
		return true
	}
	fault := sqlite3.Error{}
	if !errors.As(err, &fault) {
		return false
	}
	noRoom := []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
	return fault.Code == sqlite3.ErrFull || fault.Code == sqlite3.ErrIoErr && slices.Contains(noRoom, fault.SystemErrno)
}

func explanation(code sqlite3.ErrNo) string {
	const intact = "stored data is intact"
	switch code {
	case sqlite3.ErrFull:
		return "the disk is full; " + intact + "; free some space and run `analytics run` to resume"
	case sqlite3.ErrIoErr:
		return "the disk failed to read or write; check the disk and its free space, then run `analytics verify`, then " +
			"`analytics run` to resume"
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return "the file is damaged; check the disk, run `analytics verify` to list the damage, and `analytics replay` to " +
			"rebuild it from Kafka"
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return "another program, such as a sqlite3 shell in a transaction, holds its write lock; " + intact +
			"; end that program and retry"
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen, sqlite3.ErrAuth:
		return "it cannot be opened or written; check owner, permissions and free space of the file and its folder"
	}
	return ""
}
