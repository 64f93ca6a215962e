package store

import (
	"bytes"
	"cmp"
	"database/sql/driver"
	"encoding/binary"
	"slices"
)

const (
	insertEvents = `INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id, quantity, unit_price, currency,
		attribute_set_id, processed_at)`
	eventColumns    = 12
	partitionColumn = 2
	offsetColumn    = 3
	userColumn      = 4 // and the others that only the database knows
	itemColumn      = 5
	orderColumn     = 6
	setColumn       = 10

	insertRejected = `INSERT INTO rejected (topic, partition, offset, event_id, reason, detail, rejected_at,
		source_topic, source_partition, source_offset, value)`
	rejectedColumns = 11
)

// eventRow is a row of the table events, complete but for what only the database
// knows, and the numbers of that.
type eventRow struct {
	values                 [eventColumns]driver.Value
	user, item, set, order int
}

// rejectedRow is a row of the table rejected.
type rejectedRow [rejectedColumns]driver.Value

// makeEventRows puts the events in the order of their table's key, so that
// neighbours are written together.
func (b *Batch) makeEventRows() {
	b.sortEvents()
	b.eventRows = slices.Grow(b.eventRows[:0], len(b.events))
	currencies := make([]driver.Value, len(b.currencies.values))
	for i, code := range b.currencies.values {
		currencies[i] = code
	}
	var occurred, processed instant
	for _, p := range b.inOrder {
		a := &b.events[p.index]
		e := &a.Event
		var price driver.Value
		if e.HasPrice {
			price = e.UnitPrice
		}
		b.eventRows = append(b.eventRows, eventRow{
			values: [eventColumns]driver.Value{occurred.of(e.OccurredAt), e.ID[:], a.tally.number, a.Offset, nil, nil, nil, e.Quantity, price,
				currencies[a.currency], nil, processed.of(e.ProcessedAt)},
			user: a.user, item: a.item, set: a.set, order: a.order,
		})
	}
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

func (b *Batch) sortEvents() {
	b.inOrder = slices.Grow(b.inOrder[:0], len(b.events))
	for i := range b.events {
		e := &b.events[i].Event
		b.inOrder = append(b.inOrder, place{e.OccurredAt, binary.BigEndian.Uint64(e.ID[:]), i})
	}
	slices.SortFunc(b.inOrder, place.compare)
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

// makeRejectedRows puts the rejected records in the order of their identities:
// all else is appended, and this index alone is random.
func (b *Batch) makeRejectedRows() {
	slices.SortFunc(b.rejected, func(x, y rejected) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	b.rejectedRows = slices.Grow(b.rejectedRows[:0], len(b.rejected))
	for _, x := range b.rejected {
		b.rejectedRows = append(b.rejectedRows, rejectedRow{x.tally.topic, x.tally.number, x.offset, x.ID[:], x.Reason, x.Detail, x.RejectedAt,
			x.SourceTopic, int64(x.SourcePartition), x.SourceOffset, x.Value})
	}
}
