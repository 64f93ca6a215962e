package ingest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
)

func TestRunEndsWhenItsDatabaseIsGone(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"deleted":        os.Remove,
		"moved":          func(path string) error { return os.Rename(path, path+".moved") },
		"folder deleted": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"folder moved":   func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".moved") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			db := openDatabase(t, filepath.Join(t.TempDir(), "data", "analytics.db"))
			drain(t, c, db)
			if err := lose(db.Path); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			follow := config(c)
			follow.Drain = false
			if err := ingest.Run(ctx, db, follow); !errors.Is(err, database.ErrGone) {
				t.Errorf("the run ended with %v, want ErrGone", err)
			}
			if err := db.Reopen(t.Context()); err == nil {
				t.Error("a database was made anew in place of the lost one")
			}
		})
	}
}
