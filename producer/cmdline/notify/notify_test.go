package notify

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestReadyAliveAndStopping(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "20000")
	ctx, stop := context.WithCancel(t.Context())
	if err := Ready(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := receive(t, conn); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	stop()
	for receive(t, conn) != "STOPPING=1" {
	}
}

func TestNothingAliveFeedsNoWatchdog(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "2000")
	ctx, stop := context.WithCancel(t.Context())
	asked := make(chan bool, 1)
	if err := Ready(ctx, func() bool {
		select {
		case asked <- true:
		default:
		}
		return false
	}); err != nil {
		t.Fatal(err)
	}
	<-asked
	stop()
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		if got := receive(t, conn); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Ready(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	state := make([]byte, 100)
	n, err := conn.Read(state)
	if err != nil {
		t.Fatal(err)
	}
	return string(state[:n])
}
