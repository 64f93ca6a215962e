package ingest

import (
	"context"
	"errors"
	"time"

	"purchases/analytics/internal/store"
)

// anchor is the last record that was read while a leader was known, by its
// epoch. sarama does not tell a leader that lacks records from the one before it
// (KIP-320), so a reader that has outlived its leader looks at that record
// again, and at the last one. Those between are not looked at: records that were
// read since the last look, before the old leader was lost, and that the new one
// has grown past already.
type anchor struct {
	epoch  int32
	record *store.Fingerprint
}

// checkOrigins refuses a topic that was deleted and made again meanwhile.
func (in *ingester) checkOrigins() error {
	for _, bound := range in.origins {
		if err := checkOrigin(in.client, bound); err != nil {
			return err
		}
	}
	return nil
}

// lastRead returns what each reader has read last.
func lastRead(readers map[store.Partition]*reader) map[store.Partition]*store.Fingerprint {
	last := make(map[store.Partition]*store.Fingerprint, len(readers))
	for p, r := range readers {
		last[p] = r.last.Load()
	}
	return last
}

// watchLeaders compares the logs whose leader has changed with what was read
// before. last must have been read before the metadata was refreshed.
func (in *ingester) watchLeaders(ctx context.Context, readers map[store.Partition]*reader, last map[store.Partition]*store.Fingerprint) error {
	for p, r := range readers {
		_, epoch, err := in.client.LeaderAndEpoch(p.Topic, p.Partition)
		if err != nil {
			epoch = r.anchor.epoch // no leader at the moment
		}
		if epoch != r.anchor.epoch {
			if err := errors.Join(in.compareRead(ctx, p, r.anchor.record), in.compareRead(ctx, p, last[p])); err != nil {
				return err
			}
		}
		r.anchor = anchor{epoch, last[p]}
	}
	return nil
}

// compareRead refuses a log that has another record in the place of one that
// was read. That it expired meanwhile is in order.
func (in *ingester) compareRead(ctx context.Context, p store.Partition, read *store.Fingerprint) error {
	if read == nil {
		return nil
	}
	_, err := compare(ctx, in.client, p, position{next: read.Offset + 1, last: read}, time.Now().Add(doubt))
	if gap := (*gapError)(nil); errors.As(err, &gap) {
		return nil
	}
	return err
}
