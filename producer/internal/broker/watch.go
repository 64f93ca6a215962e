package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// watch is kfake's logger. kfake logs a file operation that failed, and then
// goes on: it acknowledges what it did not write, and appends behind an entry
// that is torn. So the first such line is the end: it does not return. kfake
// does its work in one goroutine, which then answers nobody any more.
type watch struct {
	log    *slog.Logger
	once   sync.Once
	failed chan struct{} // closed once err is set
	err    error
}

func newWatch(log *slog.Logger) *watch { return &watch{log: log, failed: make(chan struct{})} }

// Logf passes on what kfake warns of.
func (w *watch) Logf(level kfake.LogLevel, format string, args ...any) {
	if level != kfake.LogLevelError && level != kfake.LogLevelWarn {
		return
	}
	for _, arg := range args {
		if cause := fileError(arg); cause != nil {
			w.fail(cause)
		}
	}
	if level == kfake.LogLevelError {
		w.log.Error(fmt.Sprintf(format, args...))
	} else {
		w.log.Warn(fmt.Sprintf(format, args...))
	}
}

// fail notes the first failure. It does not return.
func (w *watch) fail(cause error) {
	w.once.Do(func() {
		w.err = fmt.Errorf("keep the broker's data: %w; "+
			"make room on the disk, or check it, and start the broker again", cause)
		close(w.failed)
	})
	select {}
}

// fileError returns the error of a file operation that the value is or wraps, if any.
func fileError(value any) error {
	err, _ := value.(error)
	if operation, is := errors.AsType[*fs.PathError](err); is {
		return operation
	}
	if operation, is := errors.AsType[*os.LinkError](err); is {
		return operation
	}
	return nil
}

// orFailure does what may wait for kfake. It returns the failure when there is
// one, and then does not wait any longer.
func (w *watch) orFailure(do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-w.failed:
		return w.err
	}
}
