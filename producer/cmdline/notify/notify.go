// Package notify tells systemd that a service is ready, alive and stopping, by
// the protocol of sd_notify(3). Without systemd, which does not set
// NOTIFY_SOCKET then, it does nothing.
package notify

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Ready says that the service has started, and from then on until ctx ends,
// twice in each watchdog interval, that it is alive as long as alive returns
// true. Then it says that the service is stopping. Ready returns at once.
// Alive may be nil, which is always true.
func Ready(ctx context.Context, alive func() bool) error {
	if err := send("READY=1"); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = send("STOPPING=1") })
	if interval := watchdog(); interval > 0 {
		go keepAlive(ctx, interval/2, alive)
	}
	return nil
}

func keepAlive(ctx context.Context, every time.Duration, alive func() bool) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if alive == nil || alive() {
			_ = send("WATCHDOG=1") // without it systemd restarts the service, as it should
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// watchdog is the interval of WatchdogSec=, 0 where there is none for this process.
func watchdog() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	micros, _ := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	return time.Duration(micros) * time.Microsecond
}

func send(state string) error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify systemd of %s: %w", state, err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify systemd of %s: %w", state, err)
	}
	return nil
}
