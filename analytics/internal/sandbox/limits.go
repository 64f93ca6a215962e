//go:build linux || darwin

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

const niceness = 10 // after those who store events and answer built-in queries

// limit limits this process for good. Linux enforces all of the limits; where
// another system has not some of them, SQLite's own limit of memory, the
// deadline and the others remain.
func limit(cpuSeconds int64) error {
	var errs []error
	for _, l := range []struct {
		resource int
		name     string
		most     uint64
	}{
		{syscall.RLIMIT_DATA, "memory", memoryLimit},
		{syscall.RLIMIT_CPU, "processor time", uint64(cpuSeconds)},
		{syscall.RLIMIT_FSIZE, "file size", fileLimit},
		{syscall.RLIMIT_NOFILE, "open files", filesLimit},
		{syscall.RLIMIT_CORE, "core dumps", 0},
	} {
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
		}
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness)
	if runtime.GOOS != "linux" {
		return nil
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // the first to go where memory is short
	return errors.Join(errs...)
}
