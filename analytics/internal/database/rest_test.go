package database_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"purchases/analytics/internal/database"
)

func TestDatabaseInAFolderWithoutWritePermission(t *testing.T) {
	path := made(t, `INSERT INTO users (user) VALUES ('first')`)
	folder := filepath.Dir(path)
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	if unix.Access(folder, unix.W_OK) == nil {
		t.Skip("this user writes everywhere")
	}
	db, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	wantUser(t, db, "first")
}
