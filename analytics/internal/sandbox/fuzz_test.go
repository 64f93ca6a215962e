package sandbox_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/sandbox"
)

// Whatever the statement, it ends by its limits, the error says whose fault it
// was, and nothing but the database is in its folder.
func FuzzStatement(f *testing.F) {
	for _, statement := range hostile() {
		f.Add(statement)
	}
	for _, statement := range []string{
		"SELECT 1; -- comment", "ATTACH 'x' AS y", "PRAGMA temp_store_directory = '.'",
		"SELECT * FROM event_log, json_each(attributes)",
		"VACUUM INTO 'x'", "SELECT printf('%.*c', 250000, 'x')", "EXPLAIN SELECT 1", "SELECT load_extension('x')",
		"WITH x AS (SELECT 1) DELETE FROM users",
	} {
		f.Add(statement)
	}
	path := newDatabase(f)
	db, err := database.OpenReader(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	files := entries(f, path)
	f.Fuzz(func(t *testing.T, statement string) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		started := time.Now()
		_, err := collect(ctx, sandbox.Request{Database: path, Statement: statement})
		own := (*sandbox.StatementError)(nil)
		if err != nil && !errors.As(err, &own) && !errors.Is(err, sandbox.ErrMemory) &&
			!errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("ended after %s", took)
		}
		var users int
		if err := db.Get(&users, "SELECT count(*) FROM users"); err != nil || users != 5000 || entries(t, path) != files {
			t.Errorf("%d users, %d files in the folder, %v", users, entries(t, path), err)
		}
	})
}

// entries counts what is in the database's folder.
func entries(t testing.TB, path string) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
