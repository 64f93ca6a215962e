package database

import (
	"context"
	"fmt"
	"time"
)

// WALSize is the size in bytes of the database's write-ahead log. It is 0 when
// there is none.
func (d *Database) WALSize() int64 {
	_, log := Size(d.Path)
	return log
}

// Pending is how many pages the write-ahead log has that are not copied into the
// database yet (PRAGMA wal_checkpoint(NOOP), https://sqlite.org/pragma.html#pragma_wal_checkpoint).
func (d *Database) Pending(ctx context.Context) (pages int64, err error) {
	return d.checkpoint(ctx, "NOOP")
}

// Checkpoint copies the write-ahead log into the database, beside a transaction or
// readers that may be there, and waits for none of them. It returns how many
// pages are left. Where none are left, the next transaction writes over the log
// from its start, unless a reader needs it.
func (d *Database) Checkpoint(ctx context.Context) (pages int64, err error) {
	defer d.noteCheckpoint(time.Now())
	return d.checkpoint(ctx, "PASSIVE")
}

func (d *Database) noteCheckpoint(begun time.Time) {
	if d.Checkpointed != nil {
		d.Checkpointed(time.Since(begun))
	}
}

func (d *Database) checkpoint(ctx context.Context, mode string) (pages int64, err error) {
	var busy, logged, copied int64
	if err := d.QueryRowxContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &logged, &copied); err != nil {
		return 0, fmt.Errorf("checkpoint the write-ahead log of %s: %w", d.Path, err)
	}
	return logged - copied, nil
}

// Truncate copies the write-ahead log into the database and empties its file.
// It waits so long for readers that still need the log, in whole milliseconds:
// where one needs it longer, done is false and the file keeps its size. Readers
// that begin meanwhile do not wait, and need the log no more.
func (d *Database) Truncate(ctx context.Context, wait time.Duration) (done bool, err error) {
	conn, err := d.Connx(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	defer d.noteCheckpoint(time.Now())
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", wait.Milliseconds())); err != nil {
		return false, err
	}
	var busy, frames, copied int64
	err = conn.QueryRowxContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &copied)
	if _, resetErr := conn.ExecContext(ctx, "PRAGMA busy_timeout = "+busyTimeout); err == nil {
		err = resetErr
	}
	if err != nil {
		return false, fmt.Errorf("truncate the write-ahead log of %s: %w", d.Path, err)
	}
	return busy == 0, nil
}
