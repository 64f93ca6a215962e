package cmdline

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestListenSaysWhatToDo(t *testing.T) {
	taken, err := Listen(t.Context(), "127.0.0.1:0", "http")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	for address, want := range map[string]string{
		address:           "listen on " + address + ": the address is in use; choose another with --http",
		"192.0.2.1:0":     "listen on 192.0.2.1:0: this machine does not have the address; choose another with --http",
		"127.0.0.1:99999": "listen on 127.0.0.1:99999: listen tcp: address 99999: invalid port; choose another with --http",
	} {
		if _, err := Listen(t.Context(), address, "http"); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

// few is the variable that makes this test's binary a program that has no file left.
const few = "CMDLINE_TEST_FEW_FILES"

// TestTooManyOpenFiles runs itself as a program that may open few files.
func TestTooManyOpenFiles(t *testing.T) {
	if os.Getenv(few) != "" {
		openAll()
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestTooManyOpenFiles$")
	command.Env = append(os.Environ(), few+"=1")
	out, err := command.CombinedOutput()
	want := "shop: open everything: listen on 127.0.0.1:0: listen tcp 127.0.0.1:0: socket: too many open files; " +
		"this process may open 64 files: raise that with `ulimit -n` or LimitNOFILE= of its unit\n"
	if command.ProcessState.ExitCode() != exitFailure || !strings.Contains(string(out), want) {
		t.Errorf("%v: %s, want %s", err, out, want)
	}
}

// openAll listens until it may not, and exits.
func openAll() {
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64})
	app := &cli.App{Name: "shop", Action: func(c *cli.Context) error {
		for {
			if _, err := Listen(c.Context, "127.0.0.1:0", "http"); err != nil {
				return fmt.Errorf("open everything: %w", err)
			}
		}
	}}
	os.Exit(Run(context.Background(), app, []string{"shop"}, os.Stdout, os.Stderr))
}

func TestLogNamesTheLimit(t *testing.T) {
	err := fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: syscall.EMFILE})
	var log bytes.Buffer
	slog.New(textHandler(&log, "shop", slog.LevelInfo)).Warn("cannot connect", "cause", err)
	if strings.Count(log.String(), "LimitNOFILE=") != 1 {
		t.Errorf("%s", log.String())
	}
}
