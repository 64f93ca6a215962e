package endtoend_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// untilThereIsRoom fills a disk of 2 MB with a run that does not end, makes the
// disk larger once the file "asked" is there, and ends the run when it has stored
// all. In a namespace of its own anybody may mount one, and what runs ends with it.
const untilThereIsRoom = `
	mount -t tmpfs -o size=2m tmpfs "$DISK"
	$ANALYTICS run --http 127.0.0.1:0 --db "$DISK/a.db" 2>"$OUT/run.err" & run=$!
	until [ -e "$OUT/asked" ]; do sleep 0.1; done
	mount -o remount,size=64m "$DISK"
	until $ANALYTICS verify --db "$DISK/a.db" 2>&1 | grep "verified: $EVENTS events"; do sleep 0.1; done
	kill -TERM $run; wait $run; echo "run: $?"`

// TestFullDiskIsWaitedFor wants a run on a full disk to answer queries, to say
// little, and to store all the rest when there is room.
func TestFullDiskIsWaitedFor(t *testing.T) {
	t.Parallel()
	namespace := []string{"-Urmpf", "--kill-child", "--mount-proc"}
	try := exec.Command("unshare", append(namespace, "mount", "-t", "tmpfs", "tmpfs", "/mnt")...)
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED on a small disk: no mount in a namespace here: %v %s", err, out)
	}
	log, out, began := newLog(t, 20_000), t.TempDir(), time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	script := exec.CommandContext(ctx, "unshare", append(namespace, "sh", "-c", untilThereIsRoom)...)
	script.Env = append(os.Environ(), "DISK="+t.TempDir(), "OUT="+out,
		"ANALYTICS="+filepath.Join(current.binaries, "analytics"),
		"KAFKA_BOOTSTRAP_SERVERS="+log.bootstrap, fmt.Sprint("EVENTS=", log.sent))
	asked := make(chan error, 1)
	go func() {
		asked <- askWhenFull(ctx, filepath.Join(out, "run.err"))
		_ = os.WriteFile(filepath.Join(out, "asked"), nil, 0o600)
	}()
	said, err := script.CombinedOutput()
	lines, _ := os.ReadFile(filepath.Join(out, "run.err"))
	if err != nil || !strings.Contains(string(said), "run: 0") {
		t.Errorf("%v\n%s%s", err, said, lines)
	}
	if err := <-asked; err != nil {
		t.Errorf("a query on the full disk: %v\n%s", err, lines)
	}
	if n, most := strings.Count(string(lines), "the disk is full"), 1+int(time.Since(began)/time.Minute); n > most {
		t.Errorf("it is logged %d times that the disk is full, want %d:\n%s", n, most, lines)
	}
	if n, most := strings.Count(string(lines), " WARN "), 3*(1+int(time.Since(began)/time.Minute)); n > most {
		t.Errorf("%d warnings are logged, want at most %d:\n%s", n, most, lines)
	}
}

// askWhenFull asks the run's own server once the run has logged a full disk.
func askWhenFull(ctx context.Context, log string) error {
	for ctx.Err() == nil {
		lines, _ := os.ReadFile(log)
		if _, url, served := strings.Cut(string(lines), " url="); served && strings.Contains(url, "the disk is full") {
			url, _, _ = strings.Cut(url, "/ ")
			return askOnce(url + "/api/v1/queries/top-items")
		}
		time.Sleep(10 * time.Millisecond)
	}
	return ctx.Err()
}

func askOnce(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %w\n%s", url, response.Status, err, text)
	}
	return nil
}
