package ingest_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
)

const gigabyte = 1 << 30

// nearlyFull gives the database a disk of a hundred gigabytes with so many bytes free.
func nearlyFull(db *database.Database, free int64) (disk *atomic.Int64) {
	disk = new(atomic.Int64)
	disk.Store(free)
	db.Space = func(string) (database.Space, error) {
		return database.Space{Free: disk.Load(), Size: 100 * gigabyte}, nil
	}
	return disk
}

// TestNothingIsStoredOnANearlyFullDisk wants a run to say so once, and to store
// all once there is room.
func TestNothingIsStoredOnANearlyFullDisk(t *testing.T) {
	t.Parallel()
	const events, full = 100, "the disk is full"
	c := newCluster(t)
	db := newDatabase(t)
	disk := nearlyFull(db, gigabyte)
	var log safeBuffer
	l := startLiveBy(t, despiteFullDisk, c, db, logAsProgram(&log))
	send := newTransactor(t, c)
	sendEvents(send, 0, events)
	l.await(events)
	disk.Store(200 << 20)
	sendEvents(send, events, 2*events)
	l.awaitLine(&log, full)
	wantCount(t, db, events, `SELECT purchases FROM stats_total`)
	if want := `cause="200 MB are free, and 256 MB are kept free for the write-ahead log"`; log.count(want) != 1 {
		t.Errorf("the log lacks %s:\n%s", want, log.text.String())
	}
	disk.Store(gigabyte)
	l.await(events)
	l.stop()
	wantCount(t, db, 2*events, `SELECT purchases FROM stats_total`)
	if n := log.count(full); n != 1 {
		t.Errorf("it is logged %d times that the disk is full, want 1:\n%s", n, log.text.String())
	}
}

// TestNearlyFullDiskEndsADrain wants the error of a full disk.
func TestNearlyFullDiskEndsADrain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	db := newDatabase(t)
	nearlyFull(db, 100<<20)
	if err := ingest.Run(t.Context(), db, config(c)); err != nil {
		t.Errorf("a drain of nothing: %v", err)
	}
	sendEvents(newTransactor(t, c), 0, 100)
	err := ingest.Run(t.Context(), db, config(c))
	want := "database a.db: the disk is full; stored data is intact; free some space and run `analytics run` to resume: " +
		"100 MB are free"
	if text := database.Explain("a.db", err); text == nil || !strings.HasPrefix(text.Error(), want) {
		t.Errorf("the drain ended with %v, want %s", text, want)
	}
	wantCount(t, db, 0, `SELECT count(*) FROM events`)
}

// TestFullDiskIsRelievedOfTheWriteAheadLog wants the log, which a reader has kept, to
// be emptied where that is what the disk lacks.
func TestFullDiskIsRelievedOfTheWriteAheadLog(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	db := newDatabase(t)
	db.MustExec(`INSERT INTO users (user) VALUES ('somebody')`)
	db.Space = func(string) (database.Space, error) {
		return database.Space{Free: gigabyte - 100*gigabyte*min(db.WALSize(), 1), Size: 100 * gigabyte}, nil
	}
	l := startLiveBy(t, despiteFullDisk, c, db)
	sendEvents(newTransactor(t, c), 0, 100)
	l.await(100)
}
