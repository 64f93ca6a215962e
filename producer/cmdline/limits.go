package cmdline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
)

// Listen opens a TCP address that a user has named with a flag. Its error says
// what is wrong with the address, and what to do.
func Listen(ctx context.Context, address, flag string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("the address is in use; choose another with --%s", flag)
	case errors.Is(err, syscall.EACCES):
		err = fmt.Errorf("%w; ports below 1024 need CAP_NET_BIND_SERVICE, choose another with --%s", syscall.EACCES, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("this machine does not have the address; choose another with --%s", flag)
	case err != nil && !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE):
		err = fmt.Errorf("%w; choose another with --%s", err, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// explainLimit adds to the error of a process that has opened too many files how
// many it may open, and how to raise that. Other errors it returns as they are.
func explainLimit(err error) error {
	var limit syscall.Rlimit
	switch {
	case errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w; raise the limit of this machine, fs.file-max", err)
	case !errors.Is(err, syscall.EMFILE), syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil:
		return err
	}
	return fmt.Errorf("%w; this process may open %d files: raise that with `ulimit -n` or LimitNOFILE= of its unit", err,
		limit.Cur)
}

// explainCause is [explainLimit] for the errors in a line of the log.
func explainCause(a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok {
		a.Value = slog.AnyValue(explainLimit(err))
	}
	return a
}
