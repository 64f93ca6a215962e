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
)

// walKeeper empties the database's write-ahead log while there is nothing to
// store, and tells of one that grows. SQLite by itself writes over an old log
// but never shortens it, and a reader that does not end makes it grow for ever.
type walKeeper struct {
	db      *database.Database
	log     *slog.Logger
	ticker  *time.Ticker
	written bool  // since the log was emptied
	warned  int64 // the size that was told of
}

func newWALKeeper(db *database.Database, log *slog.Logger) *walKeeper {
	return &walKeeper{db: db, log: log, ticker: time.NewTicker(walEvery)}
}

// look is called every walEvery. It changes the file only when idle.
func (k *walKeeper) look(ctx context.Context, idle bool) {
	if k.written && idle {
		done, err := k.db.Truncate(ctx)
		k.written = !done
		if err != nil && ctx.Err() == nil {
			k.log.Warn("cannot empty the write-ahead log, trying again", "db", k.db.Path, "cause", err)
		}
	}
	k.warn(k.db.WALSize())
}

// warn tells of a large log once, and again when it has doubled.
func (k *walKeeper) warn(size int64) {
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
