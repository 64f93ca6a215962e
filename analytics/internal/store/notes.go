package store

import (
	"fmt"
	"time"
)

// observe moves the partitions' watermarks along the events, in the order in
// which they were read, and notes those that are late.
func (w *Writer) observe(b *Batch) {
	for _, t := range b.tallies {
		t.watermark, t.seen = w.watermarks[t.Partition]
	}
	for i := range b.events {
		r, t := b.events[i].Record, b.events[i].tally
		at := r.Event.OccurredAt
		if t.seen && at < t.watermark-AllowedLateness.Milliseconds() {
			b.late = append(b.late, lateEvent{t, r, t.watermark})
			t.late++
		}
		if !t.seen || at > t.watermark {
			t.watermark, t.seen = at, true
		}
	}
}

// insertNotes records which records were duplicates, which events late, and
// which offsets had expired.
func (w *Writer) insertNotes(b *Batch) error {
	for _, d := range b.duplicates {
		if err := w.sql.duplicates.add(d.Topic, int64(d.Partition.Partition), d.offset, d.id[:]); err != nil {
			return fmt.Errorf("record the duplicate at %s offset %d: %w", d.Partition, d.offset, err)
		}
	}
	for _, l := range b.late {
		e := &l.record.Event
		if err := w.sql.late.add(l.tally.number, l.record.Offset, e.ID[:], e.OccurredAt, l.watermark); err != nil {
			return fmt.Errorf("record the late event at %s offset %d: %w", l.tally.Partition, l.record.Offset, err)
		}
	}
	for _, g := range b.gaps {
		if err := w.sql.gaps.add(g.Topic, int64(g.Partition.Partition), g.From, g.Next-1, time.Now().UnixMilli()); err != nil {
			return fmt.Errorf("record the gap in %s at offset %d: %w", g.Partition, g.From, err)
		}
	}
	for _, notes := range []*bulk{w.sql.duplicates, w.sql.late, w.sql.gaps} {
		if _, err := notes.flush(); err != nil {
			return err
		}
	}
	return nil
}
