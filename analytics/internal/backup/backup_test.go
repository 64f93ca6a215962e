package backup_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"purchases/analytics/internal/backup"
	"purchases/analytics/internal/database"
)

var unobserved = backup.Observer{Copied: func(int64) {}, Verified: func() {}}

func made(t *testing.T) *database.Database {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder has %q, want %q", got, names)
	}
}

func TestBackupIsOnePlainFileOfItsOwner(t *testing.T) {
	db, dir := made(t), t.TempDir()
	file := filepath.Join(dir, "b.db")
	if _, err := backup.Save(t.Context(), db.Path, file, unobserved); err != nil { // while db is open for writing
		t.Fatal(err)
	}
	wantOnly(t, dir, "b.db")
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWrongDatabaseIsNoBackup(t *testing.T) {
	db, dir := made(t), t.TempDir()
	db.MustExec(`INSERT INTO stats_total (currency, purchases) VALUES ('EUR', 1)`)
	_, err := backup.Save(t.Context(), db.Path, filepath.Join(dir, "b.db"), unobserved)
	if err == nil || !strings.Contains(err.Error(), "the copy has differences") {
		t.Errorf("error %v", err)
	}
	wantOnly(t, dir)
}

func TestInterruptedBackupLeavesNothing(t *testing.T) {
	db, dir := made(t), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o := unobserved
	o.Verified = cancel
	if _, err := backup.Save(ctx, db.Path, filepath.Join(dir, "b.db"), o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantOnly(t, dir)
}

func TestRestoreWritesOverNothing(t *testing.T) {
	db := made(t)
	file := filepath.Join(t.TempDir(), "b.db")
	if _, err := backup.Save(t.Context(), db.Path, file, unobserved); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), file, db.Path, unobserved); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a database: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "c.db-wal"), []byte("of another database"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := backup.Restore(t.Context(), file, filepath.Join(dir, "c.db"), unobserved)
	if !errors.Is(err, os.ErrExist) {
		t.Errorf("beside a log: %v", err)
	}
	wantOnly(t, dir, "c.db-wal")
}

// A file of another program is no source, and as a destination it gets no lock
// beside it, which would make it one of ours.
func TestFilesOfOthersAreNeitherCopiedNorLocked(t *testing.T) {
	dir := t.TempDir()
	pipe, notes := filepath.Join(dir, "pipe"), filepath.Join(dir, "notes.txt")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(notes, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{pipe, notes, dir} {
		if _, err := backup.Save(t.Context(), source, filepath.Join(dir, "b.db"), unobserved); !errors.Is(err,
			database.ErrForeign) {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := backup.Restore(t.Context(), made(t).Path, notes, unobserved); !errors.Is(err, os.ErrExist) {
		t.Errorf("over notes: %v", err)
	}
	wantOnly(t, dir, "notes.txt", "pipe")
}
