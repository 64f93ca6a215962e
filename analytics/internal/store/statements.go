package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sqlitestmt"
)

const (
	insertEvents = `INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id, quantity,
		amount_micros, currency,
		attribute_set_id, given_id, imported_at, processed_at)`
	eventColumns = 14
	userColumn   = 4 // and the others that only the database knows
	itemColumn   = 5
	orderColumn  = 6
	setColumn    = 10
)

// rows are those of the table events, in the order of its key, complete but for
// what only the database knows.
type rows [][eventColumns]driver.Value

// Prepare makes the rows of the batch. It needs no database, so that it may run
// while another batch is stored.
func Prepare(b *batch.Batch) {
	made, _ := b.Prepared.(*rows)
	if made == nil {
		made = &rows{}
		b.Prepared = made
	}
	*made = (*made)[:0]
	currencies := make([]driver.Value, len(b.Currencies.Values))
	for i, code := range b.Currencies.Values {
		currencies[i] = code
	}
	var occurred, processed, imported instant
	for _, i := range b.ByKey {
		a := &b.Counted[i]
		e := &a.Event
		*made = append(*made, [eventColumns]driver.Value{
			occurred.of(e.OccurredAt), e.ID[:], int64(a.Delta.Partition.Partition), a.Offset, nil, nil, nil,
			e.Quantity, amount(e), currencies[a.Currency], nil, text(e.GivenID), imported.optional(e.ImportedAt),
			processed.of(e.ProcessedAt),
		})
	}
}

func amount(e *batch.Event) driver.Value {
	if !e.HasAmount {
		return nil
	}
	return e.Amount
}

// text is null for an empty text.
func text(s string) driver.Value {
	if s == "" {
		return nil
	}
	return s
}

// instant is the last value of a column that neighbours often share.
type instant struct {
	ms    int64
	value driver.Value
}

func (i *instant) of(ms int64) driver.Value {
	if i.value == nil || i.ms != ms {
		i.ms, i.value = ms, ms
	}
	return i.value
}

// optional is null for 0.
func (i *instant) optional(ms int64) driver.Value {
	if ms == 0 {
		return nil
	}
	return i.of(ms)
}

// statements are what a batch executes beside those of its parts, prepared once.
type statements struct {
	events                      *sqlitestmt.Bulk
	deleteEvent, raiseImport    *sqlitestmt.Statement
	moveOffset, changePartition *sqlitestmt.Statement
	minutes, userMonths         *sqlitestmt.Bulk
	forgetMinutes               *sqlitestmt.Statement
}

const addCounts = `records = records + ?, events = events + ?, duplicates = duplicates + ?, conflicts = conflicts + ?, rejected = rejected + ?,
	late = late + ?, retractions = retractions + ?, retracted = retracted + ?,
	expired = expired + ?, checksum = ?`

func newStatements(conn driver.Conn) *statements {
	return &statements{
		events:      sqlitestmt.NewBulk(conn, insertEvents, eventColumns, `ON CONFLICT DO NOTHING`),
		deleteEvent: sqlitestmt.New(conn, `DELETE FROM events WHERE occurred_at = ? AND event_id = ?`),
		raiseImport: sqlitestmt.New(conn, `UPDATE events SET imported_at = ? WHERE occurred_at = ? AND event_id = ?`),
		moveOffset: sqlitestmt.New(conn, `UPDATE internal_partitions SET `+addCounts+
			`, next_offset = ?, latest_event_at = ?, stored_at = ?,
			last_offset = ifnull(?, last_offset), last_timestamp = ifnull(?, last_timestamp), last_crc = ifnull(?, last_crc),
			high_watermark = ifnull(?, high_watermark)
			WHERE topic = ? AND partition = ? AND next_offset = ?`),
		changePartition: sqlitestmt.New(conn, `UPDATE internal_partitions SET `+addCounts+
			` WHERE topic = ? AND partition = ?`),
		userMonths: sqlitestmt.NewBulk(conn, `INSERT INTO stats_user_month (user_id, month, purchases)`, 3,
			`ON CONFLICT DO UPDATE SET purchases = purchases + excluded.purchases`),
		minutes: sqlitestmt.NewBulk(conn, `INSERT INTO internal_minutes (minute, topic, partition, records)`, 4,
			`ON CONFLICT DO UPDATE SET records = records + excluded.records`),
		forgetMinutes: sqlitestmt.New(conn, `DELETE FROM internal_minutes WHERE minute <= ?`),
	}
}

// Close frees the statements.
func (s *statements) Close() error {
	return sqlitestmt.CloseAll(s.events, s.deleteEvent, s.raiseImport, s.moveOffset, s.changePartition, s.minutes,
		s.userMonths, s.forgetMinutes)
}

// counts are the values of addCounts. The checksum is computed here: SQLite's
// integers do not wrap.
func counts(d *batch.PartitionDelta, checksum uint64) []driver.Value {
	return []driver.Value{d.Records, d.Events, d.Duplicates, d.Conflicts, d.Rejected, d.Late, d.Retractions, d.Retracted,
		d.Expired,
		int64(checksum + d.Checksum)}
}

// move moves the partition's offset and adds to its counts. checksum is the one
// before.
func (s *statements) move(d *batch.PartitionDelta, checksum uint64, latest driver.Value, now time.Time) error {
	var lastOffset, lastTimestamp, lastCRC driver.Value
	if f := d.Last; f != nil {
		lastOffset, lastTimestamp, lastCRC = f.Offset, f.Timestamp, int64(f.CRC)
	}
	values := append(counts(d, checksum), d.Next, latest, now.UnixMilli(), lastOffset, lastTimestamp, lastCRC,
		optional(d.HighWatermark),
		d.Topic, int64(d.Partition.Partition), d.From)
	changed, err := s.moveOffset.Exec(values...)
	if err != nil {
		return fmt.Errorf("move the offset of %s to %d: %w", d.Partition, d.Next, err)
	}
	if changed != 1 {
		return fmt.Errorf("move the offset of %s from %d to %d: %w; run one `analytics run` per database", d.Partition,
			d.From, d.Next, ErrMoved)
	}
	return nil
}

// changeCounts changes those of a partition that the batch has not read.
func (s *statements) changeCounts(d *batch.PartitionDelta, checksum uint64) error {
	changed, err := s.changePartition.Exec(append(counts(d, checksum), d.Topic, int64(d.Partition.Partition))...)
	if err == nil && changed != 1 {
		err = errors.New("the database does not know it")
	}
	if err != nil {
		return fmt.Errorf("change the counts of %s: %w", d.Partition, err)
	}
	return nil
}

// keptMinutes is for how long the database knows how much it stored.
const keptMinutes = 60

// countMinute notes how much the batch stored of each partition, and forgets
// what is older than an hour.
func (w *Writer) countMinute(b *batch.Batch, now time.Time) error {
	minute := now.Unix() / 60
	for _, d := range b.Deltas {
		if !d.Read {
			continue
		}
		if err := w.sql.minutes.Add(minute, d.Topic, int64(d.Partition.Partition), d.Records); err != nil {
			return fmt.Errorf("count the records of minute %d: %w", minute, err)
		}
	}
	if _, err := w.sql.minutes.Flush(); err != nil {
		return fmt.Errorf("count the records of minute %d: %w", minute, err)
	}
	if minute == w.minute {
		return nil
	}
	w.minute = minute
	if _, err := w.sql.forgetMinutes.Exec(minute - keptMinutes); err != nil {
		return fmt.Errorf("forget the records of minute %d: %w", minute-keptMinutes, err)
	}
	return nil
}
