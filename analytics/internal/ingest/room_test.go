package ingest

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"purchases/analytics/internal/batch"
)

// TestRoomIsToldOfOnce wants it told when nothing has failed for a while, and
// every chunk that was stored to be passed on.
func TestRoomIsToldOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		stored := 0
		d := &fullDisk{log: slog.New(slog.NewTextHandler(&log, nil)), stored: func([]batch.Chunk) { stored++ }}
		for range 3 { // a small batch fits now and then
			d.isFull(errors.New("database or disk is full"))
			d.hasRoom(nil)
			time.Sleep(roomAfter - time.Second)
		}
		d.hasRoom(nil)
		wantRoom(t, log.String(), 0)
		time.Sleep(time.Second)
		d.hasRoom(nil)
		d.hasRoom(nil)
		wantRoom(t, log.String(), 1)
		if stored != 6 {
			t.Errorf("%d of 6 transactions are passed on", stored)
		}
	})
}

func wantRoom(t *testing.T, log string, times int) {
	t.Helper()
	if n := strings.Count(log, "there is room on the disk again"); n != times {
		t.Errorf("it is told %d times that there is room, want %d:\n%s", n, times, log)
	}
}
