package store

import (
	"cmp"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
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
	tallies    []*tally   // of partitions, in the order in which they first appear
	totals     []measures // after the batch, by currency
	stats      *statistics
	sources    *sourceMarks
	events     []accepted
	rejected   []rejected
	duplicates []duplicate
	late       []lateEvent
	gaps       []*Chunk
}

// tally is what happened to one partition in the batch.
type tally struct {
	Partition
	number                                      driver.Value // the partition's, made a value once
	from, next                                  int64
	last                                        *Fingerprint
	watermark                                   int64 // its latest event time, when seen
	seen                                        bool
	highWatermark                               int64
	records, events, duplicates, rejected, late int64
}

// accepted is an event that is to be stored, with the rows of its names. set
// and order are nil when it has none.
type accepted struct {
	*Record
	tally    *tally
	user     *named[struct{}]
	item     *named[label]
	set      *named[[]member]
	order    *order
	currency int
}

// duplicate is a record whose event or rejection was there already.
type duplicate struct {
	Partition
	offset int64
	id     [16]byte
}

type lateEvent struct {
	tally     *tally
	record    *Record
	watermark int64
}

func newBatch(st *state, chunks []Chunk) (*batch, error) {
	st.batches++
	b := &batch{totals: slices.Clone(st.totals), stats: newStatistics(st.batches), sources: newSourceMarks()}
	records := 0
	for i := range chunks {
		c := &chunks[i]
		t := b.tally(st, c)
		if t.next != c.From {
			return nil, fmt.Errorf("chunk of %s starts at offset %d, the one before it ends at %d", c.Partition, c.From, t.next)
		}
		t.next = c.Next
		t.records += int64(len(c.Records))
		records += len(c.Records)
		if c.Last != nil {
			t.last = c.Last
		}
		t.highWatermark = max(t.highWatermark, c.HighWatermark)
		if c.Gap {
			b.gaps = append(b.gaps, c)
		}
	}
	b.events = make([]accepted, 0, records)
	return b, nil
}

// end returns where the log ended, or nil when it is unknown.
func (t *tally) end() driver.Value {
	if t.highWatermark == 0 {
		return nil
	}
	return t.highWatermark
}

// tally returns that of the chunk's partition. There are few partitions, and
// chunks are large.
func (b *batch) tally(st *state, c *Chunk) *tally {
	for _, t := range b.tallies {
		if t.Partition == c.Partition {
			return t
		}
	}
	t := &tally{Partition: c.Partition, number: int64(c.Partition.Partition), from: c.From, next: c.From}
	t.watermark, t.seen = st.watermarks[c.Partition]
	b.tallies = append(b.tallies, t)
	return t
}

// mark returns the partition's latest event time, or nil before its first.
func (t *tally) mark() driver.Value {
	if t.seen {
		return t.watermark
	}
	return nil
}

func (b *batch) addDuplicate(t *tally, r *Record) {
	b.duplicates = append(b.duplicates, duplicate{t.Partition, r.Offset, r.key().id})
	t.duplicates++
}

// observe moves the partition's watermark and notes an event that is late.
func (b *batch) observe(t *tally, r *Record) {
	at := r.Event.OccurredAt
	if t.seen && at < t.watermark-AllowedLateness.Milliseconds() {
		b.late = append(b.late, lateEvent{t, r, t.watermark})
		t.late++
	}
	if !t.seen || at > t.watermark {
		t.watermark, t.seen = at, true
	}
}

// admit adds the event to its currency's totals, or says why it cannot: every
// other sum is a part of these, so if these do not wrap, none does.
func (b *batch) admit(currency int, e *Event) (refusal string) {
	for currency >= len(b.totals) {
		b.totals = append(b.totals, measures{})
	}
	total := &b.totals[currency]
	amount := e.amount()
	if amount > math.MaxInt64-max(total.Revenue, total.Refunds) {
		return fmt.Sprintf("%s more would take the sum in %q beyond what fits", purchase.Micros(amount), e.Currency)
	}
	total.add(e)
	return ""
}

// amount returns |quantity| × unit price; the contract of the topic bounds it.
func (e *Event) amount() int64 { return max(e.Quantity, -e.Quantity) * e.UnitPrice }

// insertPass stores all records but those in stored. It fails with
// errDuplicates when there were others that it should have known.
func (w *Writer) insertPass(chunks []Chunk, stored map[recordKey]bool) (*batch, error) {
	b, err := newBatch(&w.state, chunks)
	if err != nil {
		return nil, err
	}
	w.orders.begin()
	for i := range chunks {
		t := b.tally(&w.state, &chunks[i])
		for j := range chunks[i].Records {
			w.place(b, t, &chunks[i].Records[j], stored)
		}
	}
	if err := w.names.learn(); err != nil {
		return nil, fmt.Errorf("name the events: %w", err)
	}
	if err := w.orders.learn(); err != nil {
		return nil, fmt.Errorf("name the events: %w", err)
	}
	if err := w.insertEvents(b); err != nil {
		return nil, err
	}
	if err := w.insertRejected(b); err != nil {
		return nil, err
	}
	return b, w.compareInserted(b)
}

// compareInserted compares the rows inserted with the rows given.
func (w *Writer) compareInserted(b *batch) error {
	events, err := w.sql.events.flush()
	if err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	rejected, err := w.sql.rejected.flush()
	if err != nil {
		return fmt.Errorf("insert rejected records: %w", err)
	}
	if events != int64(len(b.events)) || rejected != int64(len(b.rejected)) {
		return errDuplicates
	}
	return nil
}

// place decides what becomes of one record, and asks for the names of an event.
func (w *Writer) place(b *batch, t *tally, r *Record, stored map[recordKey]bool) {
	b.markSource(t.Partition, r)
	if stored != nil {
		key := r.key()
		if stored[key] {
			b.addDuplicate(t, r)
			return
		}
		stored[key] = true // for its next appearance in this batch
	}
	if r.Rejection != nil {
		b.reject(t, r.Offset, r.Rejection)
		return
	}
	e := &r.Event
	currency := w.currencies.number(e.Currency)
	if refusal := b.admit(currency, e); refusal != "" {
		b.reject(t, r.Offset, e.refuse(t.Partition, r.Offset, refusal))
		return
	}
	t.events++
	b.observe(t, r)
	b.events = append(b.events, accepted{Record: r, tally: t, currency: currency, order: w.orders.ask(e)})
	w.names.ask(&b.events[len(b.events)-1])
}

// insertEvents queues the events' rows in the order of their table's key, so
// that neighbours are written together, and sums them up.
func (w *Writer) insertEvents(b *batch) error {
	for i := range b.events {
		a := &b.events[i]
		w.names.observeLabel(a.item, &a.Event)
		attributes, err := w.names.members(a)
		if err != nil {
			return fmt.Errorf("name the event at %s offset %d: %w", a.tally.Partition, a.Offset, err)
		}
		b.stats.add(a, attributes)
	}
	var times instants
	for _, p := range b.inOrder() {
		a := &b.events[p.index]
		if err := w.insertEvent(a, &times); err != nil {
			return fmt.Errorf("insert the event at %s offset %d: %w", a.tally.Partition, a.Offset, err)
		}
	}
	return nil
}

func (w *Writer) insertEvent(a *accepted, times *instants) error {
	e := &a.Event
	var order, price, set driver.Value
	if a.order != nil {
		order = a.order.value
	}
	if e.HasPrice {
		price = e.UnitPrice
	}
	if a.set != nil {
		set = a.set.value
	}
	return w.sql.events.add(times.occurred.of(e.OccurredAt), e.ID[:], a.tally.number, a.Offset, a.user.value, a.item.value, order,
		e.Quantity, price, w.currencies.values[a.currency], set, times.processed.of(e.ProcessedAt))
}

// instants are the last values of two columns that neighbours often share.
type instants struct{ occurred, processed instant }

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

// inOrder returns the events' places in the order of the table's key.
func (b *batch) inOrder() []place {
	order := make([]place, len(b.events))
	for i := range order {
		e := &b.events[i].Event
		order[i] = place{e.OccurredAt, binary.BigEndian.Uint64(e.ID[:]), i}
	}
	slices.SortFunc(order, place.compare)
	return order
}

// place is where an event stands in the batch, with its key, of whose identity
// the first half is enough here.
type place struct {
	occurredAt int64
	id         uint64
	index      int
}

func (p place) compare(other place) int {
	if c := cmp.Compare(p.occurredAt, other.occurredAt); c != 0 {
		return c
	}
	return cmp.Compare(p.id, other.id)
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
