package database_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/database"
)

func TestIsFull(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{sqlite3.Error{Code: sqlite3.ErrFull}, true},
		{fmt.Errorf("store a batch: %w", sqlite3.Error{Code: sqlite3.ErrFull}), true},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, SystemErrno: syscall.ENOSPC}, true},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, SystemErrno: syscall.EDQUOT}, true},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, SystemErrno: syscall.EFBIG}, true},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, SystemErrno: syscall.EIO}, false},
		{sqlite3.Error{Code: sqlite3.ErrCorrupt}, false},
		{errors.New("no space left on device"), false},
		{nil, false},
	} {
		if got := database.IsFull(tt.err); got != tt.want {
			t.Errorf("%v (%#v): %v, want %v", tt.err, tt.err, got, tt.want)
		}
		if tt.want && !strings.Contains(database.Explain("a.db", tt.err).Error(), "database a.db: the disk is full") {
			t.Errorf("%v is explained as %v", tt.err, database.Explain("a.db", tt.err))
		}
	}
}

// TestTooManyOpenFiles wants what the command line finds, to say how many it may open.
func TestTooManyOpenFiles(t *testing.T) {
	fault := fmt.Errorf("open: %w", sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.EMFILE})
	if err := database.Explain("a.db", fault); !errors.Is(err, syscall.EMFILE) ||
		!strings.Contains(err.Error(), "database a.db: open: ") {
		t.Errorf("%v", err)
	}
}
