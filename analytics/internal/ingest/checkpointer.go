package ingest

import (
	"context"
	"log/slog"
	"time"

	"purchases/analytics/internal/database"
)

const (
	walEvery   = 10 * time.Second // how often the write-ahead log is looked at
	walWarning = 512 << 20        // bytes that it has only when something keeps it from being emptied
	walLimit   = 128 << 20        // twice what SQLite lets it grow to when there are no readers
	walStep    = 64 << 20         // by how much it grows until emptying it is tried again
	walWait    = 200 * time.Millisecond
	// that are copied in the background, before SQLite does that in a transaction, see [store.CheckpointSetting]
	walPages = 12_000
)

// checkpointer empties the database's write-ahead log while there is nothing to
// store, and tells of one that grows. SQLite by itself writes over an old log
// but never shortens it, and a reader that does not end makes it grow for ever.
type checkpointer struct {
	db      *database.Database
	log     *slog.Logger
	ticker  *time.Ticker
	written bool       // since the log was emptied
	warned  int64      // the size that was told of
	limit   int64      // the size at which writing pauses to empty the log
	pages   int64      // with which the log is copied in the background
	copying chan error // nil while nothing is copied in the background
}

func newCheckpointer(db *database.Database, log *slog.Logger) *checkpointer {
	return &checkpointer{db: db, log: log, ticker: time.NewTicker(walEvery), limit: walLimit, pages: walPages}
}

// tick is called every walEvery. It changes the file only when idle.
func (k *checkpointer) tick(ctx context.Context, idle bool) {
	if k.written && idle {
		k.truncate(ctx, 0)
	}
	k.warnOfSize(k.db.WALSize())
}

// afterCommit is called after each transaction. SQLite can write over the log only at
// a moment at which no reader needs it, and readers that follow each other
// closely leave none. So writing pauses for a moment when the log is large: all
// of it is then copied, new readers do without it, and those before them end.
func (k *checkpointer) afterCommit(ctx context.Context) {
	k.written = true
	k.warn(ctx, "cannot copy the write-ahead log, trying again", k.checkpoint(ctx))
	size := k.db.WALSize()
	if size < k.limit {
		return
	}
	k.limit = walLimit
	if k.truncate(ctx, walWait); k.written { // a reader does not end
		k.limit = size + walStep
	}
}

// checkpoint copies the log in the background once it has many pages, while
// transactions go on. What these have added when that is done is copied at once:
// it is little, and only a log without a rest can be written over.
func (k *checkpointer) checkpoint(ctx context.Context) error {
	select {
	case err := <-k.copying:
		k.copying = nil
		if err == nil {
			_, err = k.db.Checkpoint(ctx)
		}
		return err
	default:
	}
	if k.copying != nil {
		return nil
	}
	pages, err := k.db.Pending(ctx)
	if err != nil || pages < k.pages {
		return err
	}
	k.copying = make(chan error, 1)
	go func(done chan<- error) {
		_, err := k.db.Checkpoint(ctx)
		done <- err
	}(k.copying)
	return nil
}

// close waits for what is copied in the background.
func (k *checkpointer) close(ctx context.Context) {
	k.ticker.Stop()
	if k.copying != nil {
		k.warn(ctx, "cannot copy the write-ahead log", <-k.copying)
	}
}

func (k *checkpointer) truncate(ctx context.Context, wait time.Duration) {
	done, err := k.db.Truncate(ctx, wait)
	k.written = !done
	k.warn(ctx, "cannot empty the write-ahead log, trying again", err)
}

// warn logs an error, unless there is none or the end has come.
func (k *checkpointer) warn(ctx context.Context, message string, err error) {
	if err != nil && ctx.Err() == nil {
		k.log.Warn(message, "db", k.db.Path, "cause", err)
	}
}

// warnOfSize tells of a large log once, and again when it has doubled.
func (k *checkpointer) warnOfSize(size int64) {
	if size < walWarning {
		k.warned = 0
		return
	}
	if size < 2*k.warned {
		return
	}
	k.warned = size
	k.log.Warn("the write-ahead log grows because a reader does not end; end long queries and open transactions",
		"file", k.db.Path+"-wal", "megabytes", size>>20)
}
