package ingest

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/health"
)

const (
	roomEvery = 5 * time.Second // how often a run on a full disk tries whether there is room again
	// roomAfter is how long all must have been stored until it is told that there
	// is room: a small batch may fit where the next one does not.
	roomAfter = time.Minute
	// reserve is what is kept free. The database grows by the whole write-ahead log
	// before that is emptied, and the log may grow as much again meanwhile.
	reserve = 2 * walLimit
)

// CheckRoom fails with an error that [database.IsFull] knows where so little is
// free that a run stores nothing.
func CheckRoom(db *database.Database) error { return db.CheckRoom(reserve) }

// fullDisk tells that the disk is full, and that it is not any more. The log
// leaves out warnings that repeat.
type fullDisk struct {
	path        string
	log         *slog.Logger
	stored      func([]batch.Chunk)
	since, last time.Time // it was full; zero while there is room
}

// runDespiteFullDisk runs, and on a full disk again and again from the stored
// offsets, until what did not fit is stored. It stores nothing while less than the
// reserve is free. A run that is to end by itself ends with the error instead: who
// waits for it is to know.
func runDespiteFullDisk(ctx context.Context, db *database.Database, config Config, wait time.Duration) error {
	disk := &fullDisk{path: db.Path, log: config.Log, stored: config.Stored}
	config.Stored = disk.hasRoom
	config.Health = cmp.Or(config.Health, new(health.Health))
	config.Health.Full(nil)
	for {
		err := CheckRoom(db)
		if err == nil || config.bounded() {
			err = run(ctx, db, config, queueBytes)
		}
		if config.bounded() || !database.IsFull(err) {
			return err
		}
		config.Health.Full(err)
		disk.isFull(err)
		if err := disk.wait(ctx, db, wait); err != nil {
			return err
		}
	}
}

// wait empties the write-ahead log, which may be what fills the disk: a reader
// may have kept the run from that.
func (d *fullDisk) wait(ctx context.Context, db *database.Database, pauseFor time.Duration) error {
	if err := pause(ctx, pauseFor); err != nil {
		return err
	}
	if err := db.File.Check(); err != nil {
		return err
	}
	if _, err := db.Truncate(ctx, 0); err != nil {
		d.log.Debug("cannot empty the write-ahead log", "db", d.path, "cause", err)
	}
	return nil
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
