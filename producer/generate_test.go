package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"purchases/producer/cmdline"
)

// brokerProcess is `producer broker` in this process.
type brokerProcess struct {
	address string
	stop    func() (code int)
}

func runBrokerCommand(t *testing.T, dir string) brokerProcess {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stderr, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cmdline.Run(ctx, app(), []string{"producer", "broker", "--listen", "127.0.0.1:0", "--data-dir", dir},
			io.Discard, w)
		_ = w.Close()
	}()
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() {
		t.Fatal("the broker says nothing")
	}
	ready := strings.Fields(lines.Text()) // producer: broker ready on ADDRESS (data in DIR)
	if len(ready) < 5 || ready[2] != "ready" {
		t.Fatalf("the broker says %q", lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	stop := func() int { cancel(); return <-ended }
	t.Cleanup(cancel)
	return brokerProcess{address: ready[4], stop: stop}
}

func TestGenerateIntoTheBroker(t *testing.T) {
	dir := t.TempDir()
	b := runBrokerCommand(t, dir)
	code, stderr := runProducer(t.Context(), nil, "generate", "--count", "5000", "--seed", "1", "--bootstrap-servers",
		b.address)
	if code != 0 || !strings.Contains(stderr, "5000 events generated") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if code := b.stop(); code != 0 {
		t.Fatalf("the broker ended with %d", code)
	}

	b = runBrokerCommand(t, dir)
	stored := 0
	for _, values := range readTopic(t, b.address) {
		stored += len(values)
	}
	if stored != 5000 {
		t.Errorf("%d events are stored, want 5000", stored)
	}
	if code := b.stop(); code != 0 {
		t.Errorf("the broker ended with %d", code)
	}
}

// An endless stream is complete when it is stopped, a counted one is not.
func TestGenerateStops(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"endless": {nil, 0},
		"counted": {[]string{"--count", "1000000"}, 130},
	} {
		t.Run(name, func(t *testing.T) {
			address := startBroker(t)
			ctx, cancel := context.WithCancel(t.Context())
			first := &notifier{on: "seed", notify: cancel}
			args := append([]string{"producer", "generate", "--rate", "1000", "--bootstrap-servers", address}, tt.args...)
			if code := cmdline.Run(ctx, app(), args, io.Discard, first); code != tt.code {
				t.Errorf("exit %d, want %d: %s", code, tt.code, first.text)
			}
		})
	}
}

// notifier calls notify when a text is written to it.
type notifier struct {
	on     string
	notify func()
	text   string
}

func (n *notifier) Write(p []byte) (int, error) {
	n.text += string(p)
	if strings.Contains(n.text, n.on) {
		n.notify()
	}
	return len(p), nil
}
