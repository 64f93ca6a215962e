package database

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// lock keeps a second process from writing the database. It is a file beside
// the database and not the database itself: closing a file descriptor of that
// would drop SQLite's own locks
// (https://sqlite.org/howtocorrupt.html, section 2.2). The operating system frees it
// when the process ends, however it ends.
type lock struct{ file *flock.Flock }

func acquire(path string) (*lock, error) {
	if content, err := os.ReadFile(path); err == nil && !isProcess(content) {
		return nil, foreign(path + " is not a lock of this program; move it away")
	}
	file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	held, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !held {
		return nil, fmt.Errorf("%s has it open for writing; stop that process, or choose another database with --db",
			holder(path))
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the process id to %s: %w", path, err)
	}
	return &lock{file}, nil
}

// isProcess says whether a lock's file has what acquire writes: a process id, or
// nothing yet.
func isProcess(content []byte) bool {
	text := strings.TrimSpace(string(content))
	_, err := strconv.Atoi(text)
	return text == "" || err == nil
}

// locked says whether a process holds the lock.
func locked(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return !os.IsNotExist(err)
	}
	defer func() { _ = file.Close() }()
	return unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil
}

// holder names the process that wrote its id into the lock's file.
func holder(path string) string {
	pid, err := os.ReadFile(path)
	if err != nil || len(pid) == 0 {
		return "another process"
	}
	return "process " + strings.TrimSpace(string(pid))
}

func (l *lock) release() error { return l.file.Unlock() }
