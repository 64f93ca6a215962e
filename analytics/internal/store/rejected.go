package store

import (
	"bytes"
	"fmt"
	"slices"

	"purchases/producer/purchase"
)

// rejected is a rejected record at its place.
type rejected struct {
	*Rejection
	tally  *tally
	offset int64
}

func (b *batch) reject(t *tally, offset int64, x *Rejection) {
	t.rejected++
	b.rejected = append(b.rejected, rejected{x, t, offset})
	b.stats.addRejection(x)
}

// insertRejected queues the rows of the rejected records in the order of their
// identities: all else is appended, and this index alone is random.
func (w *Writer) insertRejected(b *batch) error {
	slices.SortFunc(b.rejected, func(x, y rejected) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	for _, x := range b.rejected {
		err := w.sql.rejected.add(x.tally.Topic, x.tally.number, x.offset, x.ID[:], x.Reason, x.Detail, x.RejectedAt,
			x.SourceTopic, int64(x.SourcePartition), x.SourceOffset, x.Value)
		if err != nil {
			return fmt.Errorf("insert the rejected record at %s offset %d: %w", x.tally.Partition, x.offset, err)
		}
	}
	return nil
}

func (e *Event) refuse(p Partition, offset int64, detail string) *Rejection {
	return &Rejection{
		ID: e.ID, Reason: string(purchase.AmountTooLarge), Detail: detail, RejectedAt: e.ProcessedAt,
		SourceTopic: p.Topic, SourcePartition: p.Partition, SourceOffset: offset,
	}
}
