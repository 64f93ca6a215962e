package database_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
)

// others makes one of each thing that is no database of this program.
func others(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ours := made(t)
	foreign := func(name, script string) {
		db, err := sqlx.Open("sqlite3", at(name))
		if err != nil {
			t.Fatal(err)
		}
		db.MustExec(script)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	foreign("marked.db", `PRAGMA application_id = 4660`)
	foreign("tables.db", `CREATE TABLE notes (note)`)
	err := errors.Join(
		os.WriteFile(at("notes.txt"), []byte("these are notes\n"), 0o644),
		os.WriteFile(at("one.txt"), []byte("x"), 0o644),
		os.Mkdir(at("folder"), 0o755),
		os.Symlink(at("nowhere"), at("dangling.db")),
		os.Link(ours, filepath.Join(filepath.Dir(ours), "second.db")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		at("marked.db"):   "SQLite database of another program (application_id 0x1234)",
		at("tables.db"):   "SQLite database of another program (application_id 0x0)",
		at("notes.txt"):   "is not a SQLite database; name another file with --db",
		at("one.txt"):     "is not a SQLite database; name another file with --db",
		at("folder"):      "is a folder",
		at("dangling.db"): "symbolic link to " + at("nowhere") + ", which does not exist",
		ours:              "has 2 hard links",
		":memory:":        "is not a file",
	}
}

func TestFilesOfOthersAreRefusedUnchanged(t *testing.T) {
	for path, words := range others(t) {
		before, _ := os.ReadFile(path)
		beside, _ := filepath.Glob(filepath.Dir(path) + "/*")
		_, err := database.Open(t.Context(), path)
		wantForeign(t, err, words)
		_, err = database.OpenReader(path)
		wantForeign(t, err, words)
		_, err = database.Build(t.Context(), path, nil)
		wantForeign(t, err, words)
		after, _ := os.ReadFile(path)
		if !bytes.Equal(before, after) {
			t.Errorf("%s was changed", path)
		}
		if now, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(now) != len(beside) {
			t.Errorf("beside %s are %q, were %q", path, now, beside)
		}
	}
}

func wantForeign(t *testing.T, err error, words string) {
	t.Helper()
	wantError(t, err, words)
	if !errors.Is(err, database.ErrForeign) {
		t.Errorf("error %v, want an ErrForeign", err)
	}
}

func TestEmptyFileBecomesADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "a.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for file, want := range map[string]os.FileMode{
		filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
	} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has %v, want %o: %v", file, info.Mode().Perm(), want, err)
		}
	}
}

func TestLockOfOthersIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path+".lock", []byte("a file of mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := database.Open(t.Context(), path)
	wantForeign(t, err, "is not a lock of this program; move it away")
	if content, err := os.ReadFile(path + ".lock"); string(content) != "a file of mine" {
		t.Errorf("the file has %q now, %v", content, err)
	}
}
