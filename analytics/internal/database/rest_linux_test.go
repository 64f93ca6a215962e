package database_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
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
	asNobody(t, filepath.Dir(folder), folder, path, path+".lock")
	if err := os.WriteFile(filepath.Join(folder, "new"), nil, 0o600); !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("the folder can be written to: %v", err)
	}
	db, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	wantUser(t, db, "first")
}

// asNobody gives the files to a user without rights, and has the rest of the test
// run as that user, where it would run as root.
func asNobody(t *testing.T, files ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	for _, file := range files {
		if err := os.Chown(file, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread() // the thread is as it was, or ends with the test
	setUser := func(id uintptr) syscall.Errno {
		_, _, err := unix.RawSyscall(unix.SYS_SETRESUID, id, id, 0) // of this thread alone, and root may return
		return err
	}
	if err := setUser(nobody); err != 0 {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = setUser(0) })
}
