package ingest

import (
	"context"
	"log/slog"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
)

const (
	roomEvery = 5 * time.Second // how often a run on a full disk tries whether there is room again
	// roomAfter is how long all must have been stored until it is told that there
	// is room: a small batch may fit where the next one does not.
	roomAfter = time.Minute
)

// fullDisk tells that the disk is full, and that it is not any more. The log
// leaves out warnings that repeat.
type fullDisk struct {
	path        string
	log         *slog.Logger
	stored      func([]batch.Chunk)
	since, last time.Time // it was full; zero while there is room
}

// runDespiteFullDisk runs, and on a full disk again and again from the stored
// offsets, until what did not fit is stored. A run that is to end by itself
// ends with the error instead: who waits for it is to know.
func runDespiteFullDisk(ctx context.Context, db *database.Database, config Config, wait time.Duration) error {
	disk := &fullDisk{path: db.Path, log: config.Log, stored: config.Stored}
	config.Stored = disk.hasRoom
	for {
		err := run(ctx, db, config, queueBytes)
		if config.bounded() || !database.IsFull(err) {
			return err
		}
		disk.isFull(err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func (d *fullDisk) isFull(cause error) {
	d.last = time.Now()
	if d.since.IsZero() {
		d.since = d.last
	}
	d.log.Warn("the disk is full; queries are answered, and storing continues when there is room",
		"db", d.path, "cause", cause)
}

// hasRoom is called after each transaction.
func (d *fullDisk) hasRoom(chunks []batch.Chunk) {
	if !d.since.IsZero() && time.Since(d.last) >= roomAfter {
		d.log.Info("there is room on the disk again", "db", d.path, "full_for", d.last.Sub(d.since).Round(time.Millisecond))
		d.since = time.Time{}
	}
	if d.stored != nil {
		d.stored(chunks)
	}
}
