package ingest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/store"
)

const (
	electionTime  = 30 * time.Second
	electionPause = 250 * time.Millisecond
)

// electing are the answers of brokers while a partition changes its leader. A
// new leader does not say where its log ends until its followers have caught
// up (KIP-207).
var electing = []error{
	sarama.ErrOffsetNotAvailable, sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable,
	sarama.ErrReplicaNotAvailable, sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch,
}

// offset asks for the first or the next offset of a partition, and again while
// the partition changes its leader.
func offset(ctx context.Context, client sarama.Client, p store.Partition, which int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, electionTime)
	defer cancel()
	for {
		found, err := client.GetOffset(p.Topic, p.Partition, which)
		if err == nil || !slices.ContainsFunc(electing, func(e error) bool { return errors.Is(err, e) }) {
			return found, err
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(electionPause):
			_ = client.RefreshMetadata(p.Topic) // fails with what GetOffset will say
		}
	}
}
