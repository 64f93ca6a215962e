package database_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"purchases/analytics/internal/database"
)

// copyFile does what cp does.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackupsWithANumberOutliveReplays(t *testing.T) {
	path := made(t, `INSERT INTO users (user) VALUES ('first')`)
	copyFile(t, path, path+".1")
	copyFile(t, path, path+".2")
	if err := os.WriteFile(path+".3", []byte("a letter"), 0o600); err != nil {
		t.Fatal(err)
	}
	if file, found := database.FindBuild(t.Context(), path); found || file != path+".4" {
		t.Errorf("FindBuild: %s, %t, want the free file %s.4", file, found, path)
	}
	replace(t, path, next(t, path, "second"))
	copyFile(t, database.ResolvePath(path), path+".5") // a copy has the mark, under another name
	replace(t, path, next(t, path, "third"))
	for _, kept := range []string{".1", ".2", ".3", ".5"} {
		if _, err := os.Stat(path + kept); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path + ".4"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the replaced database %s.4: %v", path, err)
	}
}

func TestInterruptedBuildIsFoundAgain(t *testing.T) {
	path := made(t)
	file := next(t, path, "second")
	if found, ok := database.FindBuild(t.Context(), path); !ok || found != file {
		t.Errorf("FindBuild: %s, %t, want %s", found, ok, file)
	}
	other := filepath.Join(filepath.Dir(path), "b.db")
	copyFile(t, file, other+".2")
	if _, ok := database.FindBuild(t.Context(), other); ok {
		t.Error("the build of another database was taken")
	}
	if err := database.CreateAnew(t.Context(), path, path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file that is no build: %v, want ErrExist", err)
	}
}

func TestDamagedDatabaseIsSetAside(t *testing.T) {
	path := made(t)
	file := next(t, path, "second")
	aside := path + ".damaged"
	if err := errors.Join(os.WriteFile(path, []byte("damage"), 0o600), database.SetAside(path, aside)); err != nil {
		t.Fatal(err)
	}
	replace(t, path, file)
	if content, err := os.ReadFile(aside); err != nil || string(content) != "damage" {
		t.Errorf("%s has %q, %v", aside, content, err)
	}
}
