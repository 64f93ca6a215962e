package database_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
)

// next builds a database to be put in the place of the one at path. It has one
// user of that name.
func next(t *testing.T, path, user string) string {
	t.Helper()
	file := database.NextFile(path)
	db, err := database.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Claim(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	db.MustExec(`INSERT INTO users (user) VALUES (?)`, user)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func users(t *testing.T, db sqlx.Queryer) (names []string) {
	t.Helper()
	if err := sqlx.Select(db, &names, `SELECT user FROM users`); err != nil {
		t.Fatal(err)
	}
	return names
}

func wantUser(t *testing.T, db sqlx.Queryer, want string) {
	t.Helper()
	if got := users(t, db); len(got) != 1 || got[0] != want {
		t.Errorf("users %v, want %s", got, want)
	}
}

func replace(t *testing.T, path, with string) {
	t.Helper()
	if err := errors.Join(database.Replace(path, with), database.RemoveReplaced(t.Context(), path)); err != nil {
		t.Fatal(err)
	}
}

func TestReplacedDatabaseServesWhoHasItOpen(t *testing.T) {
	path := made(t, `INSERT INTO users (user) VALUES ('first')`)
	writer, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	before, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = before.Close() }()
	before.SetMaxOpenConns(1)
	wantUser(t, before, "first")
	for _, user := range []string{"second", "third"} {
		replace(t, path, next(t, path, user))
		after, err := database.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		wantUser(t, after, user)
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantUser(t, before, "first")
	if _, err := writer.Exec(`UPDATE users SET user = 'changed'`); err != nil {
		t.Errorf("the replaced database: %v", err)
	}
	wantUser(t, before, "changed")
	if !writer.Replaced() {
		t.Error("the writer does not see that its database was replaced")
	}
	if err := writer.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantUser(t, writer, "third")
}

// A process that is told to stop while it goes on with another database closes
// what it has.
func TestReopenThatFails(t *testing.T) {
	path := made(t)
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, path, next(t, path, "second"))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := db.Reopen(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("reopened: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	again, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	wantUser(t, again, "second")
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// A pool of connections never mixes two databases.
func TestPoolOfAReplacedDatabaseOpensNoMoreConnections(t *testing.T) {
	path := made(t, `INSERT INTO users (user) VALUES ('first')`)
	db, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxIdleConns(0)
	replace(t, path, next(t, path, "second"))
	var names []string
	if err := db.Select(&names, `SELECT user FROM users`); !errors.Is(err, database.ErrReplaced) {
		t.Errorf("users %v, error %v, want ErrReplaced", names, err)
	}
}

func TestReplacedFilesAreRemoved(t *testing.T) {
	path := made(t)
	for range 3 {
		replace(t, path, next(t, path, "somebody"))
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(path)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != 3 || names[0] != name || names[1] != name+".4" || names[2] != name+".lock" {
		t.Errorf("the folder has %q", names)
	}
}

// A database that is itself behind a link of the user's has its next file
// beside it.
func TestReplaceBehindALinkOfTheUsers(t *testing.T) {
	elsewhere := made(t)
	path := filepath.Join(t.TempDir(), "linked.db")
	if err := os.Symlink(elsewhere, path); err != nil {
		t.Fatal(err)
	}
	file := next(t, path, "second")
	if filepath.Dir(file) != filepath.Dir(elsewhere) {
		t.Errorf("the next file is %s, want it beside %s", file, elsewhere)
	}
	replace(t, path, file)
	db, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	wantUser(t, db, "second")
	if _, err := os.Stat(elsewhere); err != nil {
		t.Errorf("the file that the user's link led to: %v", err)
	}
}
