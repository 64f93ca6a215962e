package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
)

func openKeeper(t *testing.T) (*checkpointer, *bytes.Buffer) {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "analytics.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	logged := &bytes.Buffer{}
	return newCheckpointer(db, slog.New(slog.NewTextHandler(logged, nil))), logged
}

func (k *checkpointer) writeSomething() {
	k.db.MustExec(`INSERT INTO users (user) VALUES (hex(randomblob(8)))`)
	k.written = true
}

func TestLogIsEmptiedOnlyWhenIdle(t *testing.T) {
	k, _ := openKeeper(t)
	k.writeSomething()
	k.tick(t.Context(), false)
	if k.db.WALSize() == 0 {
		t.Error("the log was emptied while there was work")
	}
	k.tick(t.Context(), true)
	if size := k.db.WALSize(); size != 0 || k.written {
		t.Errorf("the log has %d bytes after an idle moment", size)
	}
}

func TestReaderDelaysTheEmptyingWithoutAWait(t *testing.T) {
	k, logged := openKeeper(t)
	reader, err := database.OpenReader(k.db.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	tx := reader.MustBegin()
	var n int
	if err := tx.Get(&n, `SELECT count(*) FROM users`); err != nil {
		t.Fatal(err)
	}
	k.writeSomething()
	k.tick(t.Context(), true)
	if k.db.WALSize() == 0 || !k.written {
		t.Error("the log was emptied under a reader")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	k.tick(t.Context(), true)
	if size := k.db.WALSize(); size != 0 {
		t.Errorf("the log has %d bytes after the reader", size)
	}
	if logged.Len() > 0 {
		t.Errorf("logged %s", logged)
	}
}

func TestLargeLogIsToldOfOnceAndWhenItDoubles(t *testing.T) {
	k, logged := openKeeper(t)
	for _, test := range []struct {
		size  int64
		lines int
	}{{walWarning - 1, 0}, {walWarning, 1}, {walWarning + 1, 1}, {2 * walWarning, 2}, {0, 2}, {walWarning, 3}} {
		k.warnOfSize(test.size)
		if got := strings.Count(logged.String(), "a reader does not end"); got != test.lines {
			t.Errorf("at %d bytes: %d warnings, want %d", test.size, got, test.lines)
		}
	}
}

// Two readers, of which always one reads, never leave SQLite a moment to write
// over its log.
func TestLogStaysBoundedBesideReaders(t *testing.T) {
	k, logged := openKeeper(t)
	const limit, step = 8 << 20, 256 << 10
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	begin := make(chan bool, 1)
	begin <- true
	for range 2 {
		reader, err := database.OpenReader(k.db.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reader.Close() }()
		readers.Go(func() { readInTurns(ctx, t, reader, begin) })
	}
	var largest int64
	for range 200 {
		k.limit = min(k.limit, limit)
		k.db.MustExec(`INSERT INTO users (user) VALUES (hex(randomblob(?)))`, step/2)
		k.afterCommit(ctx)
		largest = max(largest, k.db.WALSize())
	}
	stop()
	readers.Wait()
	if largest > 2*limit {
		t.Errorf("the log grew to %d bytes, want about %d at most", largest, limit)
	}
	if logged.Len() > 0 {
		t.Errorf("logged %s", logged)
	}
}

// A log that is copied beside the transactions is written over, and so stays
// short.
func TestLogIsCopiedInTheBackground(t *testing.T) {
	k, logged := openKeeper(t)
	k.pages = 200
	copies, largest := 0, int64(0)
	for range 300 {
		k.db.MustExec(`INSERT INTO users (user) VALUES (hex(randomblob(20000)))`) // some 20 pages
		k.afterCommit(t.Context())
		if k.copying != nil {
			copies++
			k.copying <- <-k.copying // it is done
		}
		largest = max(largest, k.db.WALSize())
	}
	k.close(t.Context())
	if pages := largest >> 12; copies < 20 || pages > 2*k.pages {
		t.Errorf("%d copies were made, and the log grew to %d pages, want %d at most", copies, pages, 2*k.pages)
	}
	if logged.Len() > 0 {
		t.Errorf("logged %s", logged)
	}
}

// readInTurns reads from before the other's end until after the other's begin.
func readInTurns(ctx context.Context, t *testing.T, reader *sqlx.DB, begin chan bool) {
	for ctx.Err() == nil {
		<-begin
		tx, err := reader.Beginx()
		if err != nil {
			t.Error(err)
			return
		}
		var n int
		if err := tx.Get(&n, `SELECT count(*) FROM users`); err != nil {
			t.Error(err)
		}
		begin <- true
		time.Sleep(5 * time.Millisecond)
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}
