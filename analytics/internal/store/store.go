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

	"purchases/producer/testkit/crashpoint"
)

// ErrMoved is the error of a batch that does not start at the stored offset:
// somebody else has written to the database.
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
	sql        statements
	summaries  []*summary
	names      *names
	orders     *orders
	userMonths map[userMonth]bool // that are stored, of late
	watermarks map[Partition]int64
	totals     map[string]measures // by currency
	minute     int64               // that was counted last, since 1970 UTC
	settings   orderSettings
	batch      *Batch // of Write
	failed     error
}

// NewWriter takes one connection from the pool and keeps it until Close.
func NewWriter(ctx context.Context, db *sqlx.DB) (*Writer, error) {
	return newWriter(ctx, db, orderSettings{crowd: func(k orderKey) orderKey { return k }, recent: maxRecent})
}

func newWriter(ctx context.Context, db *sqlx.DB, settings orderSettings) (*Writer, error) {
	w := &Writer{settings: settings, userMonths: map[userMonth]bool{}, watermarks: map[Partition]int64{}, totals: map[string]measures{}}
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

func (w *Writer) loadState(ctx context.Context, db *sqlx.DB) error {
	var marks []struct {
		Topic                string
		Partition, Watermark int64
	}
	err := db.SelectContext(ctx, &marks, `SELECT topic, partition, watermark FROM partitions WHERE watermark IS NOT NULL`)
	if err != nil {
		return err
	}
	for _, m := range marks {
		w.watermarks[Partition{m.Topic, int32(m.Partition)}] = m.Watermark
	}
	var totals []struct {
		Currency string
		measures
	}
	err = db.SelectContext(ctx, &totals, `SELECT currency, `+measureColumns+` FROM totals`)
	for _, t := range totals {
		w.totals[t.Currency] = t.measures
	}
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
	w.sql, w.names = newStatements(raw), newNames(raw)
	if w.summaries, err = newSummaries(raw); err != nil {
		return err
	}
	w.orders, err = newOrders(raw, w.settings)
	return err
}

// Close gives the connection back, or drops it after an error.
func (w *Writer) Close() error {
	err := closeAll(&w.sql, w.names, w.orders)
	for _, r := range w.summaries {
		err = errors.Join(err, r.close())
	}
	if w.failed != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
		return nil
	}
	return errors.Join(err, w.exec("PRAGMA temp_store = DEFAULT"), w.conn.Close())
}

// Write fills a batch with the chunks and stores it.
func (w *Writer) Write(chunks []Chunk) error {
	if w.batch == nil {
		w.batch = NewBatch()
	}
	if err := w.batch.Fill(chunks); err != nil {
		return err
	}
	return w.Store(w.batch)
}

// Store stores the batch in one transaction, with the offsets last. On any error
// nothing is stored, and the writer must be closed. What a batch was filled with
// can be stored once.
func (w *Writer) Store(b *Batch) error {
	if w.failed != nil {
		return w.failed
	}
	w.failed = w.conn.Raw(func(any) error { return w.transact(b) })
	return w.failed
}

func (w *Writer) transact(b *Batch) error {
	crashpoint.At("analytics.begin.before")
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	crashpoint.At("analytics.begin.after")
	b, err := w.write(b)
	if err == nil {
		crashpoint.At("analytics.commit.before")
		err = w.exec("COMMIT")
	}
	if err != nil {
		_ = w.exec("ROLLBACK") // SQLite may have done so already
		return fmt.Errorf("store %s: %w", b.describe(), err)
	}
	crashpoint.At("analytics.commit.after")
	w.keep(b)
	return nil
}

// keep notes what the committed batch has changed.
func (w *Writer) keep(b *Batch) {
	for _, t := range b.tallies {
		if t.seen {
			w.watermarks[t.Partition] = t.watermark
		}
	}
	for i := range b.stats.totals.rows {
		sum := &b.stats.totals.rows[i]
		code := b.currencies.values[sum.currency]
		total := w.totals[code]
		total.merge(&sum.measures)
		w.totals[code] = total
	}
}

// write does the work of one transaction, and returns the batch that was stored
// in the end.
func (w *Writer) write(b *Batch) (*Batch, error) {
	w.names.trim()
	crashpoint.At("analytics.insert.before")
	b, err := w.insertRecords(b)
	if err != nil {
		return b, err
	}
	crashpoint.At("analytics.insert.after")
	if err := w.orders.flush(w.names.items.integers); err != nil {
		return b, err
	}
	w.observe(b)
	for _, step := range []func(*Batch) error{w.insertNotes, w.saveSources, w.addStatistics, w.moveOffsets} {
		if err := step(b); err != nil {
			return b, err
		}
	}
	return b, nil
}

// insertRecords stores the records in the belief that there are no exceptions
// among them. Where SQLite inserts fewer rows than it was given, that belief was
// wrong: the transaction begins anew with every record judged.
func (w *Writer) insertRecords(b *Batch) (*Batch, error) {
	if err := w.insertPass(b); !errors.Is(err, errExceptions) {
		return b, err
	}
	if err := w.exec("ROLLBACK"); err != nil {
		return b, fmt.Errorf("roll back: %w", err)
	}
	w.names.forget()
	w.orders.forget()
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return b, fmt.Errorf("begin: %w", err)
	}
	exceptions, err := w.judge(b.chunks)
	if err != nil {
		return b, err
	}
	judged := NewBatch()
	if err := judged.fill(b.chunks, exceptions); err != nil {
		return b, err
	}
	return judged, w.insertPass(judged)
}

// moveOffsets is the last step before the commit.
func (w *Writer) moveOffsets(b *Batch) error {
	now := time.Now()
	if err := w.countMinute(b, now); err != nil {
		return err
	}
	for _, t := range b.tallies {
		lastOffset, lastTimestamp, lastCRC := t.last.columns()
		crashpoint.At("analytics.offset.before")
		changed, err := w.sql.moveOffset.exec(t.next, t.mark(), now.UnixMilli(), t.records, t.events, t.duplicates, t.rejected, t.late,
			lastOffset, lastTimestamp, lastCRC, t.end(), t.Topic, t.number, t.from)
		if err != nil {
			return fmt.Errorf("move the offset of %s to %d: %w", t.Partition, t.next, err)
		}
		if changed != 1 {
			return fmt.Errorf("move the offset of %s from %d to %d: %w; run one `analytics run` per database", t.Partition, t.from, t.next, ErrMoved)
		}
		crashpoint.At("analytics.offset.after")
	}
	return nil
}

// columns are the fingerprint's values in the table partitions, nil without one.
func (f *Fingerprint) columns() (offset, timestamp, crc any) {
	if f == nil {
		return nil, nil, nil
	}
	return f.Offset, f.Timestamp, int64(f.CRC)
}

func (w *Writer) exec(statement string) error { return execute(w.raw, statement) }

// execute runs a statement without parameters.
func execute(conn driver.Conn, statement string) error {
	e, ok := conn.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("the driver's connection %T executes nothing", conn)
	}
	_, err := e.ExecContext(background, statement, nil)
	return err
}

func (b *Batch) describe() string {
	if len(b.chunks) == 0 {
		return "an empty batch"
	}
	return fmt.Sprintf("a batch of %d chunks from %s offset %d", len(b.chunks), b.chunks[0].Partition, b.chunks[0].From)
}
