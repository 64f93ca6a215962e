package store

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"purchases/analytics/internal/batch"
)

// errNotAllNew says that the batch has records that are not plainly new, or do
// not fit.
var errNotAllNew = errors.New("the batch has events that are stored already, or too large")

// insertRecords stores the records optimistically, as if all were new. Where
// SQLite inserts fewer rows than it was given, some were not: the transaction
// begins anew with every record classified. It returns the batch that was stored.
func (w *Writer) insertRecords(b *batch.Batch) (*batch.Batch, error) {
	err := w.plainlyNew(b)
	if err == nil {
		err = w.insert(b)
	}
	if !errors.Is(err, errNotAllNew) {
		return b, err
	}
	if err := w.exec("ROLLBACK"); err != nil {
		return b, fmt.Errorf("roll back: %w", err)
	}
	w.names.forget()
	w.orders.forget()
	w.rejections.forget()
	if err := w.begin(); err != nil {
		return b, err
	}
	outcomes, err := w.classifyOneByOne(b.Chunks())
	if err != nil {
		return b, err
	}
	classified := b.Fresh()
	if err := classified.Fill(b.Chunks(), outcomes); err != nil {
		return b, err
	}
	Prepare(classified)
	return classified, w.insert(classified)
}

// plainlyNew fails with errNotAllNew where the batch retracts events or holds
// retracted ones or ones older than what is kept, or where it does not fit. Whatever the classification admits
// fits: it is stricter.
func (w *Writer) plainlyNew(b *batch.Batch) error {
	if b.HasRetractions || !w.fits(b) || w.hasOlder(b) {
		return errNotAllNew
	}
	if w.retracted == nil {
		return nil
	}
	for i := range b.Counted {
		id := b.Counted[i].Event.Identity
		if !w.retracted.mayHave(id) {
			continue
		}
		if found, err := w.lookups.retraction.Integer(id.OccurredAt, id.ID[:]); err != nil || found == 1 {
			return cmp.Or(err, errNotAllNew)
		}
	}
	return nil
}

// hasOlder says whether the batch has events that are too old to be kept.
func (w *Writer) hasOlder(b *batch.Batch) bool {
	return b.Inserted() > 0 && b.Counted[b.ByKey[0]].Event.OccurredAt < w.keptSince
}

// insert stores the batch as it is filled. It fails with errNotAllNew when an
// event or a rejected record is stored already.
func (w *Writer) insert(b *batch.Batch) error {
	if err := w.names.resolve(b); err != nil {
		return fmt.Errorf("name the events: %w", err)
	}
	if err := w.orders.resolve(b); err != nil {
		return err
	}
	if err := w.removeEvents(b); err != nil {
		return err
	}
	if err := w.insertEvents(b); err != nil {
		return err
	}
	if err := w.rejections.add(b); err != nil {
		return err
	}
	return w.compareInserted(b)
}

// compareInserted compares the rows inserted with the rows given.
func (w *Writer) compareInserted(b *batch.Batch) error {
	events, err := w.sql.events.Flush()
	if err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	rejected, err := w.rejections.flush()
	if err != nil {
		return err
	}
	if events != int64(b.Inserted()) || rejected != int64(len(b.Rejected)) {
		return errNotAllNew
	}
	return nil
}

// removeEvents deletes the events that are taken back, and corrects the times of
// import of those that were imported again.
func (w *Writer) removeEvents(b *batch.Batch) error {
	for i := range b.Counted {
		a := &b.Counted[i]
		if a.Sign > 0 {
			continue
		}
		if _, err := w.sql.deleteEvent.Exec(a.Event.OccurredAt, a.Event.ID[:]); err != nil {
			return fmt.Errorf("delete the event of partition %d offset %d: %w", a.Delta.Partition.Partition, a.Offset, err)
		}
	}
	if b.Outcomes == nil {
		return nil
	}
	for _, r := range b.Outcomes.Raised {
		if _, err := w.sql.raiseImport.Exec(r.Event.ImportedAt, r.Event.OccurredAt, r.Event.ID[:]); err != nil {
			return fmt.Errorf("update the event of partition %d offset %d: %w", r.Partition.Partition, r.Offset, err)
		}
	}
	return nil
}

// insertEvents queues the events' rows in the order of their key.
func (w *Writer) insertEvents(b *batch.Batch) error {
	rows := *b.Prepared.(*rows)
	for n, i := range b.ByKey {
		a, row := &b.Counted[i], &rows[n]
		row[userColumn], row[itemColumn] = w.names.users.rows[a.User].value, w.names.items.rows[a.Item].value
		if a.Order != batch.None {
			row[orderColumn] = w.orders.resolved[a.Order].value
		}
		if a.Set != batch.None {
			row[setColumn] = w.names.sets.rows[a.Set].value
		}
		if err := w.sql.events.Add(row[:]...); err != nil {
			return fmt.Errorf("insert the event of partition %d offset %d: %w", a.Delta.Partition.Partition, a.Offset, err)
		}
	}
	return nil
}

// fits says whether the batch can be added to the totals.
func (w *Writer) fits(b *batch.Batch) bool {
	for i := range b.Statistics.Totals.Rows {
		sum := &b.Statistics.Totals.Rows[i]
		total := w.totals[b.Currencies.Values[sum.Currency]]
		if sum.Revenue > math.MaxInt64-total.Revenue || sum.Refunds > math.MaxInt64-total.Refunds {
			return false
		}
	}
	return !b.Statistics.Wraps
}
