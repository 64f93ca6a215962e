//go:build crashpoints

package crashpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var hits atomic.Int64 // of the chosen point

// At kills the process, as kill -9 does, when the environment chooses the
// point and this is the chosen one of its hits.
func At(point string) {
	name, nth, _ := strings.Cut(os.Getenv(Variable), ":")
	if name != point {
		return
	}
	last, err := strconv.ParseInt(nth, 10, 64)
	if err != nil {
		last = 1
	}
	if hits.Add(1) == last {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // nothing may happen after the point while the signal is on its way
	}
}
