package process

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start("sh", exec.Command("sh", "-c", script), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestErrNamesTheLastLine(t *testing.T) {
	err := start(t, "echo first; echo last >&2; exit 3").Err()
	if err == nil || !strings.Contains(err.Error(), "exit status 3: last") {
		t.Errorf("got %v", err)
	}
	if err := start(t, "exit 0").Err(); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPausedProcessIsKilledAndTerminated(t *testing.T) {
	p := start(t, "exec sleep 1000")
	p.Pause()
	if !p.Running() {
		t.Error("a paused process has ended")
	}
	p.Kill()
	if p.Running() || p.Err() == nil {
		t.Error("kill -9 left no trace")
	}
	p = start(t, "trap 'exit 130' TERM; echo ready; while :; do sleep 0.01; done")
	for p.lastLine() != "ready" {
		time.Sleep(time.Millisecond)
	}
	p.Pause()
	p.Resume()
	if err := p.Terminate(); err != nil {
		t.Errorf("interrupted in good order: %v", err)
	}
}
