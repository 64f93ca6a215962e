package store

import (
	"errors"
	"fmt"
	"math"
	"time"

	"purchases/producer/purchase"
)

// AllowedLateness is how far an event may be behind the latest one of its
// partition before it is recorded as late. Late events are stored and counted
// like all others; the record tells which published numbers changed afterwards.
const AllowedLateness = 24 * time.Hour

// errDuplicates says that SQLite did not insert every row it was given.
var errDuplicates = errors.New("the batch holds events that are stored already")

// batch is the work of one transaction.
type batch struct {
	state      state
	order      []Partition // in which partitions first appear
	tallies    map[Partition]*tally
	stats      *statistics
	sources    *sourceMarks
	accepted   []placed // events to be stored
	duplicates []duplicate
	late       []lateEvent
	gaps       []Chunk
}

// tally is what happened to one partition in the batch.
type tally struct {
	from, next                                  int64
	last                                        *Fingerprint
	highWatermark                               int64
	records, events, duplicates, rejected, late int64
}

// placed is a record at its place.
type placed struct {
	Partition
	*Record
}

// duplicate is a record whose event or rejection was there already.
type duplicate struct {
	Partition
	offset int64
	id     [16]byte
}

type lateEvent struct {
	placed
	watermark int64
}

func newBatch(st state, chunks []Chunk) (*batch, error) {
	b := &batch{state: st.clone(), tallies: map[Partition]*tally{}, stats: newStatistics(), sources: newSourceMarks()}
	for _, c := range chunks {
		t := b.tallies[c.Partition]
		if t == nil {
			t = &tally{from: c.From, next: c.From}
			b.tallies[c.Partition] = t
			b.order = append(b.order, c.Partition)
		}
		if t.next != c.From {
			return nil, fmt.Errorf("chunk of %s starts at offset %d, the one before it ends at %d", c.Partition, c.From, t.next)
		}
		t.next = c.Next
		t.records += int64(len(c.Records))
		if c.Last != nil {
			t.last = c.Last
		}
		t.highWatermark = max(t.highWatermark, c.HighWatermark)
		if c.Gap {
			b.gaps = append(b.gaps, c)
		}
	}
	return b, nil
}

// end returns where the log ended, or nil when it is unknown.
func (t *tally) end() any {
	if t.highWatermark == 0 {
		return nil
	}
	return t.highWatermark
}

// watermark returns the partition's latest event time, or nil before its first.
func (b *batch) watermark(p Partition) any {
	if mark, ok := b.state.watermarks[p]; ok {
		return mark
	}
	return nil
}

func (b *batch) addDuplicate(p Partition, r *Record) {
	b.duplicates = append(b.duplicates, duplicate{p, r.Offset, r.key().id})
	b.tallies[p].duplicates++
}

// observe moves the partition's watermark and notes an event that is late.
func (b *batch) observe(p Partition, r *Record) {
	mark, seen := b.state.watermarks[p]
	if seen && r.Event.OccurredAt < mark-AllowedLateness.Milliseconds() {
		b.late = append(b.late, lateEvent{placed{p, r}, mark})
		b.tallies[p].late++
	}
	if !seen || r.Event.OccurredAt > mark {
		b.state.watermarks[p] = r.Event.OccurredAt
	}
}

// admit adds the event to its currency's totals, or says why it cannot: every
// other sum is a part of these, so if these do not wrap, none does.
func (b *batch) admit(e *Event) (refusal string) {
	total := b.state.totals[e.Currency]
	amount := e.amount()
	if amount > math.MaxInt64-max(total.Revenue, total.Refunds) {
		return fmt.Sprintf("%s more would take the sum in %q beyond what fits", purchase.Micros(amount), e.Currency)
	}
	total.add(e)
	b.state.totals[e.Currency] = total
	return ""
}

// amount returns |quantity| × unit price; the contract of the topic bounds it.
func (e *Event) amount() int64 { return max(e.Quantity, -e.Quantity) * e.UnitPrice }

// insertPass stores all records but those in stored. It fails with
// errDuplicates when there were others that it should have known.
func (w *Writer) insertPass(chunks []Chunk, stored map[recordKey]bool) (*batch, error) {
	b, err := newBatch(w.state, chunks)
	if err != nil {
		return nil, err
	}
	for i := range chunks {
		for j := range chunks[i].Records {
			if err := w.place(b, chunks[i].Partition, &chunks[i].Records[j], stored); err != nil {
				return nil, err
			}
		}
	}
	if err := w.names.learnOrders(b.accepted); err != nil {
		return nil, fmt.Errorf("name the orders: %w", err)
	}
	for _, a := range b.accepted {
		if err := w.insert(b, a.Partition, a.Record); err != nil {
			return nil, err
		}
	}
	return b, w.insertQueued(b)
}

// insertQueued executes what is still queued and compares the rows inserted
// with the rows given.
func (w *Writer) insertQueued(b *batch) error {
	events, err := w.sql.events.flush()
	if err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	rejected, err := w.sql.rejected.flush()
	if err != nil {
		return fmt.Errorf("insert rejected records: %w", err)
	}
	for _, t := range b.tallies {
		events -= t.events
		rejected -= t.rejected
	}
	if events != 0 || rejected != 0 {
		return errDuplicates
	}
	return nil
}

// place decides what becomes of one record.
func (w *Writer) place(b *batch, p Partition, r *Record, stored map[recordKey]bool) error {
	b.markSource(p, r)
	if stored != nil {
		key := r.key()
		if stored[key] {
			b.addDuplicate(p, r)
			return nil
		}
		stored[key] = true // for its next appearance in this batch
	}
	if r.Rejection != nil {
		return w.reject(b, p, r.Offset, r.Rejection)
	}
	if refusal := b.admit(&r.Event); refusal != "" {
		return w.reject(b, p, r.Offset, r.Event.refuse(p, r.Offset, refusal))
	}
	b.tallies[p].events++
	b.observe(p, r)
	b.accepted = append(b.accepted, placed{p, r})
	return nil
}

// reject queues a rejected record's row and its statistics.
func (w *Writer) reject(b *batch, p Partition, offset int64, x *Rejection) error {
	b.tallies[p].rejected++
	b.stats.addRejection(x)
	err := w.sql.rejected.add(p.Topic, int64(p.Partition), offset, x.ID[:], x.Reason, x.Detail, x.RejectedAt,
		x.SourceTopic, int64(x.SourcePartition), x.SourceOffset, x.Value)
	if err != nil {
		return fmt.Errorf("insert the rejected record at %s offset %d: %w", p, offset, err)
	}
	return nil
}

// insert gives the event its names and queues its row and its statistics.
func (w *Writer) insert(b *batch, p Partition, r *Record) error {
	e := &r.Event
	ids, err := w.names.resolve(e)
	if err != nil {
		return fmt.Errorf("name the event at %s offset %d: %w", p, r.Offset, err)
	}
	b.stats.add(e, &ids)
	var price any
	if e.HasPrice {
		price = e.UnitPrice
	}
	err = w.sql.events.add(e.OccurredAt, e.ID[:], int64(p.Partition), r.Offset, ids.user, ids.item, ids.order,
		e.Quantity, price, e.Currency, ids.attributeSet, e.ProcessedAt)
	if err != nil {
		return fmt.Errorf("insert the event at %s offset %d: %w", p, r.Offset, err)
	}
	return nil
}

func (e *Event) refuse(p Partition, offset int64, detail string) *Rejection {
	return &Rejection{
		ID: e.ID, Reason: string(purchase.AmountTooLarge), Detail: detail, RejectedAt: e.ProcessedAt,
		SourceTopic: p.Topic, SourcePartition: p.Partition, SourceOffset: offset,
	}
}

// recordKey is what identifies a record: the key of the table events, or the
// identity alone of the table rejected.
type recordKey struct {
	rejected   bool
	occurredAt int64
	id         [16]byte
}

func (r *Record) key() recordKey {
	if r.Rejection != nil {
		return recordKey{rejected: true, id: r.Rejection.ID}
	}
	return recordKey{occurredAt: r.Event.OccurredAt, id: r.Event.ID}
}

// findStored returns the keys of the batch's records that the database has.
func (w *Writer) findStored(chunks []Chunk) (map[recordKey]bool, error) {
	stored := map[recordKey]bool{}
	for _, c := range chunks {
		for i := range c.Records {
			key := c.Records[i].key()
			found, err := w.isStored(key)
			if err != nil {
				return nil, fmt.Errorf("look up the record at %s offset %d: %w", c.Partition, c.Records[i].Offset, err)
			}
			if found {
				stored[key] = true
			}
		}
	}
	return stored, nil
}

func (w *Writer) isStored(key recordKey) (bool, error) {
	if key.rejected {
		return w.sql.findRejected.exists(key.id[:])
	}
	return w.sql.findEvent.exists(key.occurredAt, key.id[:])
}

// insertNotes records which records were duplicates, which events late, and
// which offsets had expired.
func (w *Writer) insertNotes(b *batch) error {
	for _, d := range b.duplicates {
		if err := w.sql.duplicates.add(d.Topic, int64(d.Partition.Partition), d.offset, d.id[:]); err != nil {
			return fmt.Errorf("record the duplicate at %s offset %d: %w", d.Partition, d.offset, err)
		}
	}
	for _, l := range b.late {
		if err := w.sql.late.add(int64(l.Partition.Partition), l.Offset, l.Event.ID[:], l.Event.OccurredAt, l.watermark); err != nil {
			return fmt.Errorf("record the late event at %s offset %d: %w", l.Partition, l.Offset, err)
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
