package example_test

import (
	"path/filepath"
	"testing"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/example"
)

// A table or view without rows would let a faulty column pass.
func TestEverythingHasRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example.db")
	if err := example.Make(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	db, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var names []string
	if err := db.Select(&names, `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE
		'sqlite_%'`); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var rows int
		if err := db.Get(&rows, `SELECT count(*) FROM `+name); err != nil || rows == 0 {
			t.Errorf("%s has %d rows, %v", name, rows, err)
		}
	}
}
