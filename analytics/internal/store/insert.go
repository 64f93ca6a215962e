package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
)

// errExceptions says that the batch has records that are not to be stored as
// what they are.
var errExceptions = errors.New("the batch has events that are stored already, or too large")

// insertPass stores the batch in the belief that it has no exceptions but those
// that it was prepared with. It fails with errExceptions when there are others.
func (w *Writer) insertPass(b *Batch) error {
	w.orders.begin()
	if !w.fits(b) {
		return errExceptions
	}
	if err := w.names.learn(b); err != nil {
		return fmt.Errorf("name the events: %w", err)
	}
	if err := w.orders.learn(b.ordersByKey); err != nil {
		return fmt.Errorf("name the events: %w", err)
	}
	if err := w.insertEvents(b); err != nil {
		return err
	}
	if err := w.insertRejected(b); err != nil {
		return err
	}
	return w.compareInserted(b)
}

// compareInserted compares the rows inserted with the rows given.
func (w *Writer) compareInserted(b *Batch) error {
	events, err := w.sql.events.flush()
	if err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	rejected, err := w.sql.rejected.flush()
	if err != nil {
		return fmt.Errorf("insert rejected records: %w", err)
	}
	if events != int64(len(b.events)) || rejected != int64(len(b.rejected)) {
		return errExceptions
	}
	return nil
}

// insertEvents queues the events' rows.
func (w *Writer) insertEvents(b *Batch) error {
	currencies := make([]driver.Value, len(b.currencies.values))
	for i, code := range b.currencies.values {
		currencies[i] = code
	}
	var times instants
	for _, p := range b.inOrder {
		a := &b.events[p.index]
		if err := w.insertEvent(b, a, currencies[a.currency], &times); err != nil {
			return fmt.Errorf("insert the event at %s offset %d: %w", a.tally.Partition, a.Offset, err)
		}
	}
	return nil
}

func (w *Writer) insertEvent(b *Batch, a *accepted, currency driver.Value, times *instants) error {
	e := &a.Event
	var order, price, set driver.Value
	if a.order != none {
		order = b.orders[a.order].value
	}
	if e.HasPrice {
		price = e.UnitPrice
	}
	if a.set != none {
		set = w.names.sets.rows[a.set].value
	}
	return w.sql.events.add(times.occurred.of(e.OccurredAt), e.ID[:], a.tally.number, a.Offset, w.names.users.rows[a.user].value,
		w.names.items.rows[a.item].value, order, e.Quantity, price, currency, set, times.processed.of(e.ProcessedAt))
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

// fits says whether the batch can be added to the totals.
func (w *Writer) fits(b *Batch) bool {
	for i := range b.stats.totals.rows {
		sum := &b.stats.totals.rows[i]
		if total := w.totals[b.currencies.values[sum.currency]]; !total.hasRoom(max(sum.Revenue, sum.Refunds)) {
			return false
		}
	}
	return !b.stats.wrapped
}
