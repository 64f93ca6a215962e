package endtoend_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/testkit/audit"
)

// A replay that dies at any step leaves the old data or the new, whole and
// answering, and the next one comes to its end and leaves nothing behind.
func TestReplayKilledAtEachStep(t *testing.T) {
	const steps = 11
	home := newPublished(t)
	flags := home.flags(1, 400)
	home.expect(1, flags)
	points := slices.DeleteFunc(findCrashPoints(t), func(p string) bool { return !isOfReplay(p) })
	if len(points) != steps {
		t.Errorf("%d crash points, want %d: %v", len(points), steps, points)
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			p := &published{newMachineOn(t, home.cluster), []audit.Batch{home.batches[0]}}
			p.run("producer", "generate", flags...)
			p.run("processor", "run", "--drain")
			p.run("analytics", "run", "--drain")
			p.replayDies(t, point)
		})
	}
}

func (p *published) replayDies(t *testing.T, point string) {
	analytics := p.launch("analytics", "run")
	p.logged(analytics, "storing events", 1)
	askAllTheTime(t, p.database())
	command, kept := "replay", filepath.Join(p.dir, "kept.db")
	args := []string{"--yes", "--keep-missing", "--keep-old", kept}
	if point == "replay.copied" || point == "replay.computed" {
		command, args = "rebuild-rollups", []string{"--yes"}
	}
	p.dies(p.doomed(point, "analytics", command, args...))
	p.run("analytics", "verify")
	_ = os.Remove(kept)
	p.run("analytics", command, args...)
	p.check(analytics)
	wantOneDatabase(t, p.database())
}

// A replay is killed again and again, and then comes to its end, while
// purchases come in and are processed and stored.
func TestReplayBesideAFlow(t *testing.T) {
	p := newPublished(t)
	p.publish(8000)
	processor, analytics := p.launch("processor", "run", "--batch-size", "500"), p.launch("analytics", "run")
	p.until("most is stored", func() bool { return p.stored() > 6000 })
	wait := p.flow(4000, 500)
	for kill := range 3 {
		build := database.NextFile(p.database())
		replay := p.launch("analytics", "replay", "--yes")
		p.until("a new database is begun", func() bool {
			_, err := os.Stat(build)
			return !errors.Is(err, os.ErrNotExist)
		})
		time.Sleep(time.Duration(kill) * 200 * time.Millisecond) // at another moment each time
		replay.Kill()
	}
	p.run("analytics", "replay", "--yes")
	wait()
	p.check(processor, analytics)
	p.run("analytics", "replay", "--check-only", "--yes")
}
