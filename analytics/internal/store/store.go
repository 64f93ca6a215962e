// Package store writes what was read from Kafka into the database: events,
// statistics, rejected records and offsets, all in one SQLite transaction per
// batch. It does not read from Kafka and answers no queries.
//
// Counting is guarded twice: a batch commits only if the stored offsets are
// where it starts (compare and swap), and an event whose identity is stored
// already is recorded as a duplicate and not counted.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sqlitestmt"
	"purchases/analytics/internal/zone"
	"purchases/producer/testkit/crashpoint"
)

// ErrMoved is the error of a batch that does not start at the stored offset:
// another process has written to the database.
var ErrMoved = errors.New("the stored offset has moved")

// CheckpointSetting lets the write-ahead log grow to about 64 MB before it is
// copied into the database: pages that many batches change, as those of the
// statistics, are then written once and not for each batch.
const CheckpointSetting = "PRAGMA wal_autocheckpoint = 16000" // pages of 4 KiB

// statementJournals keeps what a statement has changed in memory, where it is
// taken back from if the statement fails, and not in a temporary file: a batch has
// some megabytes of it (https://sqlite.org/tempfiles.html, section 2.5).
const statementJournals = "PRAGMA temp_store = MEMORY"

// Writer is the database's only writer. It owns one connection, and is not safe
// for concurrent use. After an error it is of no further use: its connection
// may have lost the transaction without saying so.
type Writer struct {
	conn       *sql.Conn
	raw        driver.Conn
	sql        *statements
	lookups    *lookups
	names      *names
	orders     *orders
	rejections *rejections
	logs       *logs
	expired    *expired
	unused     *unused
	summaries  []*summary
	zone       *zone.Zone
	latest     map[batch.Partition]int64 // latest event times
	checksums  map[batch.Partition]uint64
	totals     map[string]batch.Measures // by currency
	retracted  filter                    // which events have a retraction
	keptSince  int64                     // events before it are refused; of the transaction
	minute     int64                     // that was counted last, since 1970 UTC
	batch      *batch.Batch              // of Write
	failed     error
}

// NewWriter takes one connection from the pool and keeps it until Close.
func NewWriter(ctx context.Context, db *sqlx.DB) (*Writer, error) {
	w := &Writer{latest: map[batch.Partition]int64{}, checksums: map[batch.Partition]uint64{},
		totals: map[string]batch.Measures{}}
	if err := w.loadState(ctx, db); err != nil {
		return nil, fmt.Errorf("read the stored statistics: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the writer's connection: %w", err)
	}
	w.conn = conn
	if err := conn.Raw(w.prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the writer's statements: %w", err), conn.Close())
	}
	return w, nil
}

func (w *Writer) loadState(ctx context.Context, db *sqlx.DB) (err error) {
	if w.zone, err = zone.Stored(ctx, db); err != nil {
		return err
	}
	var partitions []struct {
		batch.Partition
		Latest   *int64
		Checksum int64
	}
	err = db.SelectContext(ctx, &partitions,
		`SELECT topic, partition, latest_event_at AS latest, checksum FROM internal_partitions`)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		w.checksums[p.Partition] = uint64(p.Checksum)
		if p.Latest != nil {
			w.latest[p.Partition] = *p.Latest
		}
	}
	var totals []struct {
		Currency string
		batch.Measures
	}
	err = db.SelectContext(ctx, &totals,
		`SELECT currency, purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros FROM stats_total`)
	if err != nil {
		return err
	}
	for _, t := range totals {
		w.totals[t.Currency] = t.Measures
	}
	if w.retracted, err = loadFilter(ctx, db); err != nil {
		return err
	}
	w.expired, err = loadExpired(ctx, db)
	return err
}

func (w *Writer) prepare(driverConn any) (err error) {
	raw, ok := driverConn.(driver.Conn)
	if !ok {
		return fmt.Errorf("the driver's connection is a %T", driverConn)
	}
	w.raw = raw
	for _, setting := range []string{CheckpointSetting, statementJournals} {
		if err := w.exec(setting); err != nil {
			return err
		}
	}
	w.sql, w.lookups, w.names, w.orders = newStatements(raw), newLookups(raw), newNames(raw), newOrders(raw)
	w.rejections, w.logs, w.unused = newRejections(raw), newLogs(raw), newUnused(raw)
	w.expired.prepare(raw)
	w.summaries, err = newSummaries(raw)
	return err
}

// NewBatch makes an empty batch for this writer, of the database's reporting zone.
func (w *Writer) NewBatch() *batch.Batch { return batch.New(w.zone) }

// Close gives the connection back, or drops it after an error.
func (w *Writer) Close() error {
	err := sqlitestmt.CloseAll(w.sql, w.lookups, w.names, w.orders, w.rejections, w.logs, w.unused, w.expired)
	for _, s := range w.summaries {
		err = errors.Join(err, s.Close())
	}
	if w.failed != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
		return nil
	}
	return errors.Join(err, w.exec("PRAGMA temp_store = DEFAULT"), w.conn.Close())
}

// Write fills a batch with the chunks and stores it.
func (w *Writer) Write(chunks []batch.Chunk) error {
	if w.batch == nil {
		w.batch = w.NewBatch()
	}
	if err := w.batch.Fill(chunks, nil); err != nil {
		return err
	}
	Prepare(w.batch)
	return w.Store(w.batch)
}

// Store stores the batch, for which [Prepare] was called, in one transaction, with the offsets last. On any error
// nothing is stored, and the writer must be closed. What a batch was filled with
// can be stored once.
func (w *Writer) Store(b *batch.Batch) error {
	if w.failed != nil {
		return w.failed
	}
	w.failed = w.conn.Raw(func(any) error { return w.transact(b) })
	return w.failed
}

func (w *Writer) transact(b *batch.Batch) error {
	crashpoint.At("analytics.begin.before")
	if err := w.begin(); err != nil {
		return err
	}
	crashpoint.At("analytics.begin.after")
	stored, err := w.write(b)
	if err == nil {
		crashpoint.At("analytics.commit.before")
		err = w.exec("COMMIT")
	}
	if err != nil {
		_ = w.exec("ROLLBACK") // SQLite may have done so already
		return fmt.Errorf("store %s: %w", b, err)
	}
	crashpoint.At("analytics.commit.after")
	w.applyCommitted(stored)
	return nil
}

// begin begins a transaction, and reads in it since when events are kept: another
// process may prune between two of them.
func (w *Writer) begin() error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	since, err := w.lookups.keptSince.Integer()
	if err != nil {
		return fmt.Errorf("read since when events are kept: %w", err)
	}
	w.keptSince = since
	return nil
}

// applyCommitted takes over what the committed batch has changed.
func (w *Writer) applyCommitted(b *batch.Batch) {
	if b.HasRetractions {
		w.retracted.addAll(b)
	}
	for _, d := range b.Deltas {
		w.checksums[d.Partition] += d.Checksum
	}
	for i := range b.Statistics.Totals.Rows {
		sum := &b.Statistics.Totals.Rows[i]
		code := b.Currencies.Values[sum.Currency]
		total := w.totals[code]
		total.Merge(&sum.Measures)
		w.totals[code] = total
	}
}

// write does the work of one transaction, and returns the batch that was stored
// in the end.
func (w *Writer) write(b *batch.Batch) (*batch.Batch, error) {
	w.names.trim()
	crashpoint.At("analytics.insert.before")
	b, err := w.insertRecords(b)
	if err != nil {
		return b, err
	}
	crashpoint.At("analytics.insert.after")
	w.advanceWatermarks(b)
	for _, step := range []func(*batch.Batch) error{w.insertAnomalies, w.saveSources, w.expired.save, w.addStatistics,
		w.moveOffsets} {
		if err := step(b); err != nil {
			return b, err
		}
	}
	return b, nil
}

// moveOffsets is the last step before the commit.
func (w *Writer) moveOffsets(b *batch.Batch) error {
	now := time.Now()
	if err := w.countMinute(b, now); err != nil {
		return err
	}
	for _, d := range b.Deltas {
		if !d.Read {
			if err := w.sql.changeCounts(d, w.checksums[d.Partition]); err != nil {
				return err
			}
			continue
		}
		crashpoint.At("analytics.offset.before")
		var latest driver.Value
		if at, known := w.latest[d.Partition]; known {
			latest = at
		}
		if err := w.sql.move(d, w.checksums[d.Partition], latest, now); err != nil {
			return err
		}
		crashpoint.At("analytics.offset.after")
	}
	return nil
}

func (w *Writer) exec(statement string) error { return sqlitestmt.Execute(w.raw, statement) }
