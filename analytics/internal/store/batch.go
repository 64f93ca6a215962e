package store

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// AllowedLateness is how far an event may be behind the latest one of its
// partition before it is recorded as late. Late events are stored and counted
// like all others; the record tells which published numbers changed afterwards.
const AllowedLateness = 24 * time.Hour

// Batch is what one transaction is to store: the records of some chunks, put in
// order and summed up as far as that goes without the database. Names are
// numbers in it, which have a meaning in this batch only.
type Batch struct {
	chunks       []Chunk
	tallies      []*tally // of partitions, in the order in which they first appear
	events       []accepted
	inOrder      []place // of events, in the order of their table's key
	eventRows    []eventRow
	rejected     []rejected
	rejectedRows []rejectedRow
	duplicates   []duplicate
	late         []lateEvent
	gaps         []*Chunk
	sources      *sourceMarks
	stats        *statistics

	users, items, sets distinct[string]
	attributes         distinct[attribute]
	members            [][]int // attributes of each set
	labels             []label // of each item
	hints              hints
	currencies         distinct[string]
	orderNames         distinct[orderName]
	orders             []order
	ordersByKey        []*order
	room               []int64 // of what the orders have
}

// tally is what happened to one partition in the batch.
type tally struct {
	Partition
	topic, number                               driver.Value // made values once
	from, next                                  int64
	last                                        *Fingerprint
	watermark                                   int64 // its latest event time, when seen
	seen                                        bool
	highWatermark                               int64
	records, events, duplicates, rejected, late int64
}

// accepted is an event that is to be stored, with the numbers of its names. set
// and order may be none.
type accepted struct {
	*Record
	tally                            *tally
	user, item, set, currency, order int
}

// rejected is a rejected record at its place.
type rejected struct {
	*Rejection
	tally  *tally
	offset int64
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

// exception is a record that is not to be stored as what it is: a duplicate, or
// an event that is refused for a reason.
type exception struct {
	duplicate bool
	refusal   string
}

// NewBatch makes a batch that is empty.
func NewBatch() *Batch {
	return &Batch{
		stats: newStatistics(), users: newDistinct[string](), items: newDistinct[string](), sets: newDistinct[string](),
		currencies: newDistinct[string](), attributes: newDistinct[attribute](), orderNames: newDistinct[orderName](),
	}
}

// Fill replaces what is in the batch by the chunks, which it keeps and does not
// change. Chunks of one partition must follow each other without a gap. It needs
// no database, so that it may run while another batch is stored, and takes the
// memory that the batch has already.
func (b *Batch) Fill(chunks []Chunk) error { return b.fill(chunks, nil) }

func (b *Batch) fill(chunks []Chunk, exceptions map[*Record]exception) error {
	b.reset()
	b.chunks = chunks
	for i := range chunks {
		t, err := b.extend(&chunks[i])
		if err != nil {
			return err
		}
		for j := range chunks[i].Records {
			r := &chunks[i].Records[j]
			b.place(t, r, exceptions[r])
		}
	}
	if err := b.openSets(); err != nil {
		return err
	}
	b.openOrders()
	b.sumUp()
	b.makeEventRows()
	b.makeRejectedRows()
	return nil
}

func (b *Batch) reset() {
	b.tallies, b.events, b.rejected, b.duplicates = b.tallies[:0], b.events[:0], b.rejected[:0], b.duplicates[:0]
	b.late, b.gaps, b.members, b.orders, b.ordersByKey = b.late[:0], b.gaps[:0], b.members[:0], b.orders[:0], b.ordersByKey[:0]
	b.sources = newSourceMarks()
	b.stats.reset()
	for _, d := range []interface{ reset() }{&b.users, &b.items, &b.sets, &b.currencies, &b.attributes, &b.orderNames} {
		d.reset()
	}
}

// Chunks are what the batch was made of.
func (b *Batch) Chunks() []Chunk { return b.chunks }

// extend adds the chunk to the tally of its partition.
func (b *Batch) extend(c *Chunk) (*tally, error) {
	t := b.tally(c)
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
	return t, nil
}

// tally returns that of the chunk's partition. There are few partitions, and
// chunks are large.
func (b *Batch) tally(c *Chunk) *tally {
	for _, t := range b.tallies {
		if t.Partition == c.Partition {
			return t
		}
	}
	t := &tally{Partition: c.Partition, topic: c.Topic, number: int64(c.Partition.Partition), from: c.From, next: c.From}
	b.tallies = append(b.tallies, t)
	return t
}

// end returns where the log ended, or nil when it is unknown.
func (t *tally) end() driver.Value {
	if t.highWatermark == 0 {
		return nil
	}
	return t.highWatermark
}

// mark returns the partition's latest event time, or nil before its first.
func (t *tally) mark() driver.Value {
	if t.seen {
		return t.watermark
	}
	return nil
}

// place decides what becomes of one record.
func (b *Batch) place(t *tally, r *Record, x exception) {
	b.sources.mark(t.Partition, r)
	switch {
	case x.duplicate:
		b.duplicates = append(b.duplicates, duplicate{t.Partition, r.Offset, r.key().id})
		t.duplicates++
	case r.Rejection != nil:
		b.reject(t, r.Offset, r.Rejection)
	case x.refusal != "":
		b.reject(t, r.Offset, r.Event.refuse(t.Partition, r.Offset, x.refusal))
	default:
		b.accept(t, r)
	}
}

func (b *Batch) reject(t *tally, offset int64, x *Rejection) {
	t.rejected++
	b.rejected = append(b.rejected, rejected{x, t, offset})
	b.stats.addRejection(x)
}

func (b *Batch) accept(t *tally, r *Record) {
	e := &r.Event
	t.events++
	a := accepted{
		Record: r, tally: t, set: none, order: none,
		user: b.users.number(e.User), item: b.items.number(e.Item), currency: b.currencies.number(e.Currency),
	}
	if e.Attributes != "" {
		a.set = b.sets.number(e.Attributes)
	}
	if e.OrderNumber != "" {
		a.order = b.order(&a)
	}
	b.events = append(b.events, a)
}

// order returns the number of the event's order, and counts its purchases.
func (b *Batch) order(a *accepted) int {
	n := b.orderNames.number(orderName{a.Event.OrderNumber, a.Event.Currency})
	if n == len(b.orders) {
		b.orders = append(b.orders, order{orderName: b.orderNames.values[n], currencyNumber: a.currency})
	}
	if a.Event.Quantity > 0 {
		b.orders[n].purchases++
	}
	return n
}

// openSets reads the attributes in each set.
func (b *Batch) openSets() error {
	for _, set := range b.sets.values {
		var pairs map[string]string
		if err := json.Unmarshal([]byte(set), &pairs); err != nil {
			return fmt.Errorf("read the attributes %.60q of an event: %w", set, err)
		}
		var members []int
		for name, value := range pairs {
			members = append(members, b.attributes.number(attribute{name, value}))
		}
		b.members = append(b.members, members)
	}
	return nil
}

func (b *Batch) sumUp() {
	b.labels = zeroed(b.labels, len(b.items.values))
	hints := &b.hints
	hints.reset(b)
	for i := range b.events {
		a := &b.events[i]
		b.labels[a.item].observe(&a.Event)
		month := b.stats.add(a, hints)
		if a.order != none && a.Event.Quantity > 0 {
			b.orders[a.order].buy(a.item, month)
		}
		if a.set != none {
			b.stats.addAttributes(a, b.members[a.set], hints)
		}
	}
	b.stats.total()
}
