package ingest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/producer/cmdline"
)

// smallDisk connects to a database that may have so many pages.
type smallDisk struct {
	*sqlite3.SQLiteDriver
	dsn    string
	pages  atomic.Int64
	opened atomic.Int64 // connections; one that could not store is not used again
}

func (d *smallDisk) Driver() driver.Driver { return d.SQLiteDriver }

func (d *smallDisk) Connect(context.Context) (driver.Conn, error) {
	conn, err := d.Open(d.dsn)
	if err != nil {
		return nil, err
	}
	d.opened.Add(1)
	_, err = conn.(*sqlite3.SQLiteConn).Exec(fmt.Sprint("PRAGMA max_page_count = ", d.pages.Load()), nil)
	return conn, err
}

// onSmallDisk lets the database, which is as yet empty, grow by so many pages.
func onSmallDisk(t *testing.T, db *database.Database, pages int64) *smallDisk {
	t.Helper()
	dsn := "file:" + db.Path + "?" + database.WriterOptions().Encode()
	disk := &smallDisk{SQLiteDriver: &sqlite3.SQLiteDriver{}, dsn: dsn}
	var used int64
	if err := errors.Join(db.Get(&used, `PRAGMA page_count`), db.DB.Close()); err != nil {
		t.Fatal(err)
	}
	disk.pages.Store(used + pages)
	db.DB = sqlx.NewDb(sql.OpenDB(disk), "sqlite3")
	return disk
}

func (d *smallDisk) awaitTries(l *live, n int64) {
	l.t.Helper()
	for n += d.opened.Load(); d.opened.Load() < n; {
		select {
		case <-time.After(time.Millisecond):
		case <-l.ctx.Done():
			l.t.Fatal("it did not try again")
		}
	}
}

// logAsProgram makes a run log as the program does.
func logAsProgram(log *safeBuffer) func(*ingest.Config) {
	app := cli.NewApp()
	app.ErrWriter = log
	return func(c *ingest.Config) {
		c.Log = cmdline.Log(cli.NewContext(app, flag.NewFlagSet("", flag.ContinueOnError), nil), "ingest")
	}
}

// TestFullDiskIsWaitedFor wants a run to try again and to say so once in a
// minute, queries to be answered meanwhile, and all to be stored in the end.
func TestFullDiskIsWaitedFor(t *testing.T) {
	t.Parallel()
	const events = 3000
	c := newCluster(t)
	db := newDatabase(t)
	disk := onSmallDisk(t, db, 30)
	var log safeBuffer
	began := time.Now()
	l := startLiveBy(t, despiteFullDisk, c, db, logAsProgram(&log))
	sendEvents(newTransactor(t, c), 0, events)
	for log.count("the disk is full") == 0 {
		disk.awaitTries(l, 1)
	}
	disk.awaitTries(l, 5)
	wantWhole(t, db.Path, events-1)
	disk.pages.Store(1 << 30)
	l.await(events)
	l.stop()
	wantWhole(t, db.Path, events)
	wantCount(t, db, events, `SELECT purchases FROM stats_total`)
	wantCount(t, db, 0, `SELECT count(*) FROM duplicates`)
	if n, most := log.count("the disk is full"), 1+int(time.Since(began)/time.Minute); n > most {
		t.Errorf("it is logged %d times that the disk is full, want %d:\n%s", n, most, log.text.String())
	}
	if n, most := log.count("\n"), 2*(1+int(time.Since(began)/time.Minute)); n > most {
		t.Errorf("%d lines are logged, want %d:\n%s", n, most, log.text.String())
	}
}

// despiteFullDisk does not wait long, and ends without an error as Run does.
func despiteFullDisk(ctx context.Context, db *database.Database, config ingest.Config) error {
	if err := ingest.RunDespiteFullDisk(ctx, db, config, time.Millisecond); ctx.Err() == nil {
		return err
	}
	return nil
}

// wantWhole asks as a query does, and wants the statistics of the events that
// are stored, which are no more than so many.
func wantWhole(t *testing.T, path string, most int64) {
	t.Helper()
	reader, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	var stored, counted int64
	const both = `SELECT (SELECT count(*) FROM events), (SELECT coalesce(sum(purchases), 0) FROM stats_total)`
	err = reader.QueryRowx(both).Scan(&stored, &counted)
	if err != nil || stored != counted || stored > most {
		t.Errorf("%d events are stored and %d counted, of at most %d; %v", stored, counted, most, err)
	}
}

// TestFullDiskEndsADrain wants who waits for the end to be told.
func TestFullDiskEndsADrain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	db := newDatabase(t)
	onSmallDisk(t, db, 10)
	sendEvents(newTransactor(t, c), 0, 3000)
	if err := ingest.Run(t.Context(), db, config(c)); !database.IsFull(err) {
		t.Errorf("the drain ended with %v, want a full disk", err)
	}
}
