package database_test

import (
	"path/filepath"
	"testing"

	"purchases/analytics/internal/database"
)

// SQLite itself leaves the log in place when somebody else has the file open.
func TestCleanEndEmptiesTheLogBesideAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	db.MustExec(`INSERT INTO users (user) VALUES ('ann')`)
	if db.WALSize() == 0 {
		t.Fatal("the log is empty before the end")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if size := db.WALSize(); size != 0 {
		t.Errorf("the log has %d bytes after a clean end", size)
	}
	var users int
	if err := reader.Get(&users, `SELECT count(*) FROM users`); err != nil || users != 1 {
		t.Errorf("%d users, %v", users, err)
	}
}
