package store

import (
	"database/sql/driver"
	"fmt"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sources"
	"purchases/analytics/internal/sqlitestmt"
)

// AllowedLateness is how far an event may be behind the latest one of its
// partition before it is recorded as late. Late events are stored and counted
// like all others; the record tells which published numbers changed afterwards.
const AllowedLateness = 24 * time.Hour

// logs write what became of records that are no plain events.
type logs struct {
	duplicates, late, gaps   *sqlitestmt.Bulk
	retractions, retracted   *sqlitestmt.Bulk
	unretract                *sqlitestmt.Statement
	lateEvents               []lateEvent
	findSources, saveSources *sqlitestmt.Statement
}

type lateEvent struct {
	batch.Placed
	latest int64
}

func newLogs(conn driver.Conn) *logs {
	return &logs{
		duplicates: sqlitestmt.NewBulk(conn,
			`INSERT INTO duplicates (topic, partition, offset, occurred_at, event_id, conflict)`, 6, ``),
		late: sqlitestmt.NewBulk(conn,
			`INSERT INTO late_events (partition, offset, event_id, occurred_at, latest_event_at)`, 5, ``),
		gaps: sqlitestmt.NewBulk(conn, `INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at)`, 5,
			``),
		retractions: sqlitestmt.NewBulk(conn,
			`INSERT INTO retractions (occurred_at, event_id, partition, offset, retracted_at)`, 5, ``),
		retracted: sqlitestmt.NewBulk(conn, `INSERT INTO retracted_events (occurred_at, event_id, partition, offset)`, 4,
			``),
		unretract: sqlitestmt.New(conn, `DELETE FROM retracted_events WHERE occurred_at = ? AND event_id = ?`),
		findSources: sqlitestmt.New(conn,
			`SELECT results FROM internal_sources WHERE topic = ? AND partition = ? AND block = ?`),
		saveSources: sqlitestmt.New(conn, `INSERT INTO internal_sources (topic, partition, block, results) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET results = excluded.results`),
	}
}

// Close frees the statements.
func (l *logs) Close() error {
	return sqlitestmt.CloseAll(l.duplicates, l.late, l.gaps, l.retractions, l.retracted, l.unretract, l.findSources,
		l.saveSources)
}

// advanceWatermarks moves the partitions' latest event times along the events
// that came for the first time, in the order in which they were read, and
// collects those that are late.
func (w *Writer) advanceWatermarks(b *batch.Batch) {
	w.logs.lateEvents = w.logs.lateEvents[:0]
	if b.Outcomes == nil {
		for i := range b.Counted {
			a := &b.Counted[i]
			w.advance(batch.Placed{Record: a.Record, Partition: a.Delta.Partition, Offset: a.Offset}, a.Delta)
		}
		return
	}
	for _, p := range b.Outcomes.Arrived {
		w.advance(p, b.Delta(p.Partition))
	}
}

func (w *Writer) advance(p batch.Placed, d *batch.PartitionDelta) {
	latest, known := w.latest[p.Partition]
	at := p.Event.OccurredAt
	if known && at < latest-AllowedLateness.Milliseconds() {
		w.logs.lateEvents = append(w.logs.lateEvents, lateEvent{p, latest})
		d.Late++
	}
	if !known || at > latest {
		w.latest[p.Partition] = at
	}
}

// insertAnomalies records duplicates, retractions, late events and expired offsets.
func (w *Writer) insertAnomalies(b *batch.Batch) error {
	l := w.logs
	for _, late := range l.lateEvents {
		e := &late.Event
		if err := l.late.Add(int64(late.Partition.Partition), late.Offset, e.ID[:], e.OccurredAt, late.latest); err != nil {
			return fmt.Errorf("record the late event at %s offset %d: %w", late.Partition, late.Offset, err)
		}
	}
	for _, g := range b.Gaps {
		if err := l.gaps.Add(g.Topic, int64(g.Partition.Partition), g.From, g.Next-1, time.Now().UnixMilli()); err != nil {
			return fmt.Errorf("record the gap in %s at offset %d: %w", g.Partition, g.From, err)
		}
	}
	if b.Outcomes != nil {
		if err := l.insertOutcomes(b); err != nil {
			return err
		}
	}
	for _, bulk := range []*sqlitestmt.Bulk{l.duplicates, l.late, l.gaps, l.retractions, l.retracted} {
		if _, err := bulk.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (l *logs) insertOutcomes(b *batch.Batch) error {
	for _, c := range b.Chunks() {
		for i := range c.Records {
			if err := l.insertOutcome(b.Outcomes, &c, &c.Records[i]); err != nil {
				return fmt.Errorf("record the outcome of %s offset %d: %w", c.Partition, c.Records[i].Offset, err)
			}
		}
	}
	for _, r := range b.Outcomes.RetractedIn {
		if err := l.retracted.Add(r.OccurredAt, r.ID[:], int64(r.Partition.Partition), r.Offset); err != nil {
			return fmt.Errorf("record the retracted event at %s offset %d: %w", r.Partition, r.Offset, err)
		}
	}
	for _, r := range b.Outcomes.RetractedOut {
		if _, err := l.unretract.Exec(r.OccurredAt, r.ID[:]); err != nil {
			return fmt.Errorf("forget the retraction of the event at %s offset %d: %w", r.Partition, r.Offset, err)
		}
	}
	return nil
}

func (l *logs) insertOutcome(o *batch.Outcomes, c *batch.Chunk, r *batch.Record) error {
	if d, is := o.Duplicates[r]; is {
		var at driver.Value
		if r.Rejection == nil && d.ID == r.Event.Identity { // not of a dead letter, which has no time
			at = d.ID.OccurredAt
		}
		return l.duplicates.Add(c.Topic, int64(c.Partition.Partition), r.Offset, at, d.ID.ID[:], number(d.IsConflict))
	}
	if x := r.Retraction; x != nil {
		return l.retractions.Add(x.OccurredAt, x.ID[:], int64(c.Partition.Partition), r.Offset, optional(x.RetractedAt))
	}
	return nil
}

func number(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// optional is null for 0.
func optional(n int64) driver.Value {
	if n == 0 {
		return nil
	}
	return n
}

// saveSources adds the batch's marks to the stored ones.
func (w *Writer) saveSources(b *batch.Batch) error {
	return b.Sources.Each(func(p batch.Partition, number int64, bits *sources.Bits) error {
		var stored [1]driver.Value
		if _, err := w.logs.findSources.Row(stored[:], p.Topic, int64(p.Partition), number); err != nil {
			return err
		}
		if known, ok := stored[0].([]byte); ok {
			bits.Add(known)
		}
		_, err := w.logs.saveSources.Exec(p.Topic, int64(p.Partition), number, bits[:])
		return err
	})
}
