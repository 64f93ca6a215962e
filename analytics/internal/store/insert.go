package store

import (
	"errors"
	"fmt"
	"math"
)

// errExceptions says that the batch has records that are not to be stored as
// what they are.
var errExceptions = errors.New("the batch has events that are stored already, or too large")

// insertPass stores the batch in the belief that it has no exceptions but those
// that it was filled with. It fails with errExceptions when there are others.
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
	for i := range b.eventRows {
		row := &b.eventRows[i]
		row.values[userColumn], row.values[itemColumn] = w.names.users.values[row.user], w.names.items.values[row.item]
		if row.order != none {
			row.values[orderColumn] = b.orders[row.order].value
		}
		if row.set != none {
			row.values[setColumn] = w.names.sets.values[row.set]
		}
		if err := w.sql.events.add(row.values[:]...); err != nil {
			return fmt.Errorf("insert the event of partition %d offset %d: %w", row.values[partitionColumn], row.values[offsetColumn], err)
		}
	}
	return nil
}

// insertRejected queues the rejected records' rows.
func (w *Writer) insertRejected(b *Batch) error {
	for i := range b.rejectedRows {
		row := &b.rejectedRows[i]
		if err := w.sql.rejected.add(row[:]...); err != nil {
			return fmt.Errorf("insert the rejected record of %s/%d offset %d: %w", row[0], row[1], row[2], err)
		}
	}
	return nil
}

// fits says whether the batch can be added to the totals. It must be true of
// whatever judge admits, which is stricter.
func (w *Writer) fits(b *Batch) bool {
	for i := range b.stats.totals.rows {
		sum := &b.stats.totals.rows[i]
		total := w.totals[b.currencies.values[sum.currency]]
		if sum.Revenue > math.MaxInt64-total.Revenue || sum.Refunds > math.MaxInt64-total.Refunds {
			return false
		}
	}
	return !b.stats.wrapped
}
