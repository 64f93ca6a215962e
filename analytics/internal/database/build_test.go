package database_test

import (
	"os"
	"path/filepath"
	"testing"

	"purchases/analytics/internal/database"
)

func build(t *testing.T, path string, begin func(string) error) *database.Building {
	t.Helper()
	db, err := database.Build(t.Context(), path, begin)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestBuiltDatabaseIsLikeAnyOther(t *testing.T) {
	path := made(t, `INSERT INTO users (user) VALUES ('first')`)
	file := database.NextFile(path)
	db := build(t, file, database.RemoveContent)
	db.MustExec(`INSERT INTO users (user) VALUES ('second')`)
	if err := db.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	replace(t, path, file)
	reader, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	wantUser(t, reader, "second")
	mode := ""
	if err := reader.Get(&mode, `PRAGMA journal_mode`); err != nil || mode != "wal" {
		t.Errorf("journal_mode %q, %v", mode, err)
	}
}

func TestBuildGoesOnOrStartsClean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db.2")
	db := build(t, path, database.RemoveContent)
	db.MustExec(`INSERT INTO users (user) VALUES ('kept')`)
	_, err := database.Build(t.Context(), path, database.RemoveContent)
	wantError(t, err, "has it open for writing")
	wantUser(t, db, "kept")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = build(t, path, nil)
	wantUser(t, db, "kept")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = build(t, path, database.RemoveContent)
	if got := users(t, db); len(got) > 0 {
		t.Errorf("users %v, want none", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A copy of the files within a transaction is what a process leaves that dies.
func TestUnfinishedTransactionIsTakenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db.2")
	db := build(t, path, database.RemoveContent)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	db.MustExec(`INSERT INTO users (user) VALUES ('whole')`)
	db.MustExec(`PRAGMA cache_size = 1`)
	db.MustExec(`BEGIN`)
	db.MustExec(`DELETE FROM users`)
	db.MustExec(`WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 10000) INSERT INTO users
		(user) SELECT n FROM n`)
	died := filepath.Join(t.TempDir(), "a.db.2")
	for _, suffix := range []string{"", "-journal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil || len(content) == 0 {
			t.Fatalf("%s%s has %d bytes: %v", path, suffix, len(content), err)
		}
		if err := os.WriteFile(died+suffix, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reader, err := database.OpenBuilding(died)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	wantUser(t, reader, "whole")
}
