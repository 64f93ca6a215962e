package ingest

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
)

const (
	electionTime  = 30 * time.Second
	electionPause = 250 * time.Millisecond
)

// electionErrors are the answers of brokers while a partition changes its leader. A
// new leader does not say where its log ends until its followers have caught
// up (KIP-207).
var electionErrors = []error{
	sarama.ErrOffsetNotAvailable, sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable,
	sarama.ErrReplicaNotAvailable, sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch,
	sarama.ErrNotConnected, sarama.ErrBrokerNotAvailable, sarama.ErrOutOfBrokers, io.EOF,
}

// retryWhileElecting asks a question about a topic, and again for a while when the
// broker that was asked is gone or does not lead any more.
func retryWhileElecting[T any](ctx context.Context, client sarama.Client, topic string,
	ask func() (T, error)) (T, error) {
	for until := time.Now().Add(electionTime); ; {
		answer, err := ask()
		if err == nil || !isTransient(err) || time.Now().After(until) {
			return answer, err
		}
		if err := pause(ctx, electionPause); err != nil {
			return answer, err
		}
		_ = client.RefreshMetadata(topic) // fails with what the question will say
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func isTransient(err error) bool {
	var network net.Error
	return errors.As(err, &network) || slices.ContainsFunc(electionErrors, func(e error) bool { return errors.Is(err, e) })
}

// offset asks for the first or the next offset of a partition.
func offset(ctx context.Context, client sarama.Client, p batch.Partition, which int64) (int64, error) {
	return retryWhileElecting(ctx, client, p.Topic,
		func() (int64, error) { return client.GetOffset(p.Topic, p.Partition, which) })
}
