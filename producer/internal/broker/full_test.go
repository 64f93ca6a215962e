package broker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// full is the size at which files are full.
const full = 16 << 10

// TestFullDisk writes until it fails, and wants all of it that was acknowledged
// after a restart: the broker ends with the first write that fails, so nothing
// comes behind an entry that is torn.
func TestFullDisk(t *testing.T) {
	for name, tt := range map[string]struct {
		file  string
		write func(c *client, i int) error
		check func(t *testing.T, c *client, acknowledged int)
	}{
		"offsets":   {"groups.log", commitNext, wantCommitted},
		"records":   {"purchases-0", produceNext, wantProduced},
		"producers": {"pids.log", initNext, wantInit},
		"topics":    {"topics.json", createNext, wantCreated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			limited := startProcess(t, dir, full)
			acknowledged := 0
			for acknowledged < 2000 && tt.write(limited.client, acknowledged) == nil {
				acknowledged++
			}
			limited.terminate() // it has ended by itself
			wantFailure(t, limited, "keep the broker's data: ", tt.file)
			again := startProcess(t, dir, 0)
			defer again.kill()
			tt.check(t, again.client, acknowledged)
			if err := tt.write(again.client, acknowledged); err != nil {
				t.Errorf("after the restart: %v", err)
			}
		})
	}
}

// TestStopOnAFullDisk wants what was committed before the stop.
func TestStopOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	limited := startProcess(t, dir, 128)
	ok(t, limited.commit(0, 7))
	limited.terminate()
	wantFailure(t, limited, "stop, without the offsets that were committed meanwhile")
	again := startProcess(t, dir, 0)
	defer again.kill()
	if got := again.committed(0); got != 7 {
		t.Errorf("offset %d is committed, want 7", got)
	}
}

// wantFailure wants the process to end with an error of one line.
func wantFailure(t *testing.T, p *process, says ...string) {
	t.Helper()
	if err := p.command.Wait(); err == nil || p.command.ProcessState.ExitCode() != 1 {
		t.Errorf("the broker ended with %v", err)
	}
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	for _, want := range append(says, "file too large", "make room on the disk") {
		if len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("the broker said %q, want %q in one line", p.stderr.String(), want)
		}
	}
}

func commitNext(c *client, i int) error { return c.commit(0, int64(i)) }

func wantCommitted(t *testing.T, c *client, acknowledged int) {
	if got := c.committed(0); got != int64(acknowledged-1) {
		t.Errorf("offset %d is committed, want %d", got, acknowledged-1)
	}
}

func produceNext(c *client, _ int) error {
	_, err := c.produce(topic, 0, strings.Repeat("v", 1000))
	return err
}

func wantProduced(t *testing.T, c *client, acknowledged int) {
	if got := c.nextOffset(topic, 0); got != int64(acknowledged) {
		t.Errorf("%d records, want %d", got, acknowledged)
	}
}

func initNext(c *client, i int) error {
	_, err := c.initProducer(fmt.Sprint("transactional", i))
	return err
}

func wantInit(t *testing.T, c *client, acknowledged int) {
	for i := range acknowledged {
		if epoch, err := c.initProducer(fmt.Sprint("transactional", i)); err != nil || epoch != 1 {
			t.Errorf("producer %d of %d has the epoch %d, %v; want 1", i, acknowledged, epoch, err)
		}
	}
}

func longName(i int) string { return fmt.Sprint(strings.Repeat("t", 200), i) }

func createNext(c *client, i int) error { return c.createTopic(longName(i), nil) }

func wantCreated(t *testing.T, c *client, acknowledged int) {
	found := c.topics()
	for i := range acknowledged {
		if !slices.Contains(found, longName(i)) {
			t.Errorf("topic %d of %d is gone", i, acknowledged)
		}
	}
}
