package ingest

import (
	"context"
	"errors"
	"time"

	"purchases/analytics/internal/store"
)

// anchor is a record that was read under a leader, by its epoch. sarama does
// not tell a leader that lacks records from the one before it (KIP-320), so a
// reader that has outlived its leader looks at that record again.
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
			continue // no leader at the moment
		}
		if seen := r.anchor.record; seen != nil && epoch != r.anchor.epoch {
			_, err := compare(ctx, in.client, p, position{next: seen.Offset + 1, last: seen}, time.Now().Add(doubt))
			if gap := (*gapError)(nil); err != nil && !errors.As(err, &gap) {
				return err
			}
		}
		r.anchor = anchor{epoch, last[p]}
	}
	return nil
}
