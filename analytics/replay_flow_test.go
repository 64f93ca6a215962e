package main_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"purchases/analytics/internal/database"
)

// A replay is killed again and again, and then comes to its end, while
// purchases come in and are processed and stored.
func TestReplayBesideAFlow(t *testing.T) {
	p := newPublished(t)
	p.publish(20_000)
	processor, analytics := p.launch("processor", "run", "--batch-size", "500"), p.launch("analytics", "run")
	p.until("most is stored", func() bool { return p.stored() > 15_000 })
	wait := p.flow(8000, 1000)
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
