package database_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purchases/analytics/internal/database"
)

// made returns the path of a database that is complete and closed.
func made(t *testing.T, change ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a?b#c%.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range change {
		db.MustExec(statement)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v, want %q in it", err, words)
	}
}

func TestDatabaseSaysWhatItIs(t *testing.T) {
	db, err := database.OpenReader(made(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var id int
	if err := db.Get(&id, `PRAGMA application_id`); err != nil || id != 0x50555243 {
		t.Errorf("application_id %#x, %v", id, err)
	}
	if _, err := db.Exec(`DELETE FROM events`); err == nil {
		t.Error("a reader could write")
	}
}

// A database can give its unused pages back, and so can a copy and one built anew.
func TestUnusedPagesCanBeGivenBack(t *testing.T) {
	path := made(t)
	if err := database.Copy(t.Context(), path, path+".copy"); err != nil {
		t.Fatal(err)
	}
	built, err := database.Build(t.Context(), path+".built", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := built.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + ".copy", path + ".built"} {
		db, err := database.OpenReader(file)
		if err != nil {
			t.Fatal(err)
		}
		var mode int
		if err := db.Get(&mode, `PRAGMA auto_vacuum`); err != nil || mode != 2 {
			t.Errorf("%s: auto_vacuum is %d, %v; want 2, incremental", file, mode, err)
		}
		_ = db.Close()
	}
}

func TestDatabaseFromNewerProgramIsRefused(t *testing.T) {
	path := made(t, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`, `PRAGMA user_version = 999`)
	_, err := database.Open(t.Context(), path)
	wantError(t, err, "its schema has version 999")
	wantError(t, err, "use a newer program")
	_, err = database.OpenReader(path)
	wantError(t, err, "use a newer program")
}

func TestReaderRefusesAnOlderSchema(t *testing.T) {
	_, err := database.OpenReader(made(t, `PRAGMA user_version = 0`))
	wantError(t, err, "run `analytics run` to migrate it")
}

func TestMissingDatabase(t *testing.T) {
	_, err := database.OpenReader(filepath.Join(t.TempDir(), "none.db"))
	if !errors.Is(err, database.ErrMissing) {
		t.Errorf("error %v, want %v", err, database.ErrMissing)
	}
}

func TestSecondWriterIsToldWhoHasIt(t *testing.T) {
	path := made(t)
	first, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = database.Open(t.Context(), path)
	wantError(t, err, fmt.Sprintf("process %d has it open for writing", os.Getpid()))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
