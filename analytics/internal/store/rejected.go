package store

import "fmt"

// insertRejected queues the rows of the rejected records.
func (w *Writer) insertRejected(b *Batch) error {
	for _, x := range b.rejected {
		err := w.sql.rejected.add(x.tally.Topic, x.tally.number, x.offset, x.ID[:], x.Reason, x.Detail, x.RejectedAt,
			x.SourceTopic, int64(x.SourcePartition), x.SourceOffset, x.Value)
		if err != nil {
			return fmt.Errorf("insert the rejected record at %s offset %d: %w", x.tally.Partition, x.offset, err)
		}
	}
	return nil
}
