// Package store writes what was read from Kafka into the database: events,
// statistics, rejected records and offsets, all in one SQLite transaction per
// batch. It does not read from Kafka and answers no queries.
//
// Counting is guarded twice: a batch commits only if the stored offsets are
// where it starts (compare and swap), and an event whose identity is stored
// already is recorded as a duplicate and not counted.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/producer/crashpoint"
)

// ErrMoved is the error of a batch that does not start at the stored offset:
// somebody else has written to the database.
var ErrMoved = errors.New("the stored offset has moved")

// Partition names one log.
type Partition struct {
	Topic     string
	Partition int32
}

// Compare orders by topic, then by partition.
func (p Partition) Compare(other Partition) int {
	return cmp.Or(cmp.Compare(p.Topic, other.Topic), cmp.Compare(p.Partition, other.Partition))
}

func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// Chunk is what was read from one partition in one go.
type Chunk struct {
	Partition
	// From is the position at which reading began, Next the one at which it
	// goes on: the last record's offset + 1.
	From, Next int64
	Records    []Record
	// Last is the last record's fingerprint, nil when there is none.
	Last *Fingerprint
	// HighWatermark is the log's end as it was last seen: the offset that its
	// next record would get; 0 when unknown.
	HighWatermark int64
	// Gap says that the offsets from From to Next have expired, that there are
	// no records, and that this is to be recorded.
	Gap bool
}

// Records is how many records the chunks hold.
func Records(chunks []Chunk) (n int) {
	for _, c := range chunks {
		n += len(c.Records)
	}
	return n
}

// Fingerprint is what a record is known again by.
type Fingerprint struct {
	Offset    int64
	Timestamp int64  // given by Kafka, milliseconds since 1970 UTC
	CRC       uint32 // CRC-32C of its key followed by its value
}

// Record is one message: an event, or a rejection where Rejection is not nil.
type Record struct {
	Offset    int64
	Event     Event
	Rejection *Rejection
}

// Event is a valid event in the units of the table events.
type Event struct {
	OccurredAt, ProcessedAt int64 // milliseconds since 1970 UTC
	ID                      [16]byte
	User, Item              string
	ItemName                string // empty when unknown
	OrderNumber             string // empty when unknown
	Currency                string // empty when unknown
	Attributes              string // JSON object with sorted names, empty when there are none
	Quantity                int64  // never 0
	UnitPrice               int64  // micros, when HasPrice
	HasPrice                bool

	// Where the record stood that the processor made the event of; SourceTopic
	// is empty when unknown.
	SourceTopic     string
	SourcePartition int32
	SourceOffset    int64
}

// Rejection is a record that is no event, in the units of the table rejected.
type Rejection struct {
	ID              [16]byte
	Reason, Detail  string
	RejectedAt      int64 // milliseconds since 1970 UTC
	SourceTopic     string
	SourcePartition int32
	SourceOffset    int64
	Value           []byte // at most MaxRejectedValue bytes
}

// MaxRejectedValue is how many bytes of a rejected record are kept.
const MaxRejectedValue = 512

// CheckpointSetting lets the write-ahead log grow to about 64 MB before it is
// copied into the database: pages that many batches change, as those of the
// statistics, are then written once and not for each batch.
const CheckpointSetting = "PRAGMA wal_autocheckpoint = 16000" // pages of 4 KiB

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
	currencies *currencies
	userMonths map[userMonth]bool // that are stored, of late
	state      state
	minute     int64 // that was counted last, since 1970 UTC
	settings   orderSettings
	failed     error
}

// state is what the writer knows of the database beside the names.
type state struct {
	watermarks map[Partition]int64
	totals     []measures // by currency
	batches    int64      // that were begun
}

// NewWriter takes one connection from the pool and keeps it until Close.
func NewWriter(ctx context.Context, db *sqlx.DB) (*Writer, error) {
	return newWriter(ctx, db, orderSettings{hash: hashOrder, recent: maxRecent})
}

func newWriter(ctx context.Context, db *sqlx.DB, settings orderSettings) (*Writer, error) {
	w := &Writer{settings: settings, currencies: newCurrencies(), userMonths: map[userMonth]bool{}}
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
	w.state.watermarks = map[Partition]int64{}
	var marks []struct {
		Topic                string
		Partition, Watermark int64
	}
	err := db.SelectContext(ctx, &marks, `SELECT topic, partition, watermark FROM partitions WHERE watermark IS NOT NULL`)
	if err != nil {
		return err
	}
	for _, m := range marks {
		w.state.watermarks[Partition{m.Topic, int32(m.Partition)}] = m.Watermark
	}
	var totals []struct {
		Currency string
		measures
	}
	err = db.SelectContext(ctx, &totals, `SELECT currency, `+measureColumns+` FROM totals`)
	for _, t := range totals {
		w.currencies.number(t.Currency)
		w.state.totals = append(w.state.totals, t.measures)
	}
	return err
}

func (w *Writer) prepare(driverConn any) (err error) {
	raw, ok := driverConn.(driver.Conn)
	if !ok {
		return fmt.Errorf("the driver's connection is a %T", driverConn)
	}
	w.raw = raw
	if err := w.exec(CheckpointSetting); err != nil {
		return err
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
	return errors.Join(err, w.conn.Close())
}

// Write stores the chunks in one transaction, with the offsets last. Chunks of
// one partition must follow each other without a gap. On any error nothing is
// stored, and the writer must be closed.
func (w *Writer) Write(chunks []Chunk) error {
	if w.failed != nil {
		return w.failed
	}
	w.failed = w.conn.Raw(func(any) error { return w.transact(chunks) })
	return w.failed
}

func (w *Writer) transact(chunks []Chunk) error {
	crashpoint.At("analytics.begin.before")
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	crashpoint.At("analytics.begin.after")
	b, err := w.write(chunks)
	if err == nil {
		crashpoint.At("analytics.commit.before")
		err = w.exec("COMMIT")
	}
	if err != nil {
		_ = w.exec("ROLLBACK") // SQLite may have done so already
		return fmt.Errorf("store %s: %w", describe(chunks), err)
	}
	crashpoint.At("analytics.commit.after")
	w.keep(b)
	return nil
}

// keep notes what the committed batch has changed.
func (w *Writer) keep(b *batch) {
	for _, t := range b.tallies {
		if t.seen {
			w.state.watermarks[t.Partition] = t.watermark
		}
	}
	w.state.totals = b.totals
}

// write does the work of one transaction.
func (w *Writer) write(chunks []Chunk) (*batch, error) {
	w.names.trim()
	crashpoint.At("analytics.insert.before")
	b, err := w.insertRecords(chunks)
	if err != nil {
		return nil, err
	}
	crashpoint.At("analytics.insert.after")
	if err := w.orders.flush(); err != nil {
		return nil, err
	}
	for _, step := range []func(*batch) error{w.insertNotes, w.saveSources, w.addStatistics, w.moveOffsets} {
		if err := step(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// insertRecords stores the records in the belief that all are new. Where SQLite
// inserts fewer rows than it was given, that belief was wrong: the batch is
// taken back, and done again with every record looked up first.
func (w *Writer) insertRecords(chunks []Chunk) (*batch, error) {
	if err := w.exec("SAVEPOINT records"); err != nil {
		return nil, err
	}
	b, err := w.insertPass(chunks, nil)
	if !errors.Is(err, errDuplicates) {
		return b, err
	}
	if err := w.exec("ROLLBACK TO records"); err != nil {
		return nil, err
	}
	w.names.forget()
	w.orders.forget()
	stored, err := w.findStored(chunks)
	if err != nil {
		return nil, err
	}
	return w.insertPass(chunks, stored)
}

// moveOffsets is the last step before the commit.
func (w *Writer) moveOffsets(b *batch) error {
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

func describe(chunks []Chunk) string {
	if len(chunks) == 0 {
		return "an empty batch"
	}
	return fmt.Sprintf("a batch of %d chunks from %s offset %d", len(chunks), chunks[0].Partition, chunks[0].From)
}
