package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
	"purchases/producer/kafka"
)

// unreadableError is the error of a batch that a compression bomb may be.
type unreadableError struct{ kafka.Unreadable }

func (e *unreadableError) Error() string {
	return fmt.Sprintf("%s/%d: the batch with offsets %d to %d cannot be read: %v; "+
		"run `analytics run --on-gap accept` to skip it and record it as a gap",
		e.Topic, e.Partition, e.First, e.Next-1, sarama.ErrDecompressedBatchTooLarge)
}

// passUnreadable skips a batch that cannot be read, as a gap, if gaps are
// accepted. Sarama refuses a whole response for one batch in it, so that the
// batch may also be of another partition, or stand behind records of this one.
func (r *reader) passUnreadable(ctx context.Context) error {
	bad := kafka.FindUnreadable(r.client, r.partition.Topic, r.partition.Partition, r.next)
	switch {
	case bad == nil: // the partition that has it passes it
		return pause(ctx, relocatePause)
	case !r.AcceptGaps && !r.isKnownGap(bad):
		return &unreadableError{*bad}
	}
	if err := r.readOneByOne(ctx); !errors.Is(err, sarama.ErrDecompressedBatchTooLarge) {
		return err
	}
	if r.next > bad.First { // the log is another one now
		return nil
	}
	r.Log.Warn("a batch cannot be read, which is recorded as a gap", "partition", r.partition, "from", bad.First, "to",
		bad.Next-1,
		"cause", sarama.ErrDecompressedBatchTooLarge)
	return r.skip(ctx, bad.First, bad.Next)
}

// readOneByOne reads with one batch in a response until one cannot be read.
func (r *reader) readOneByOne(ctx context.Context) (err error) {
	config := Configure(r.Kafka.Config())
	config.Consumer.Fetch.Default = 1 // a batch comes whole all the same (KIP-74)
	client, err := r.Kafka.Connect(ctx, config)
	if err != nil {
		return r.wait(ctx, err)
	}
	defer func() { _ = client.Close() }()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return fmt.Errorf("start a consumer: %w", err)
	}
	defer func() { _ = consumer.Close() }()
	return r.consume(ctx, consumer)
}

// skip passes over the offsets from first up to, but not including, next. What
// stands before first and was not delivered are markers and aborted records.
func (r *reader) skip(ctx context.Context, first, next int64) error {
	chunks := []batch.Chunk{{Partition: r.partition, From: r.next, Next: first},
		{Partition: r.partition, From: first, Next: next, Gap: true}}
	for _, c := range chunks {
		if c.From == c.Next {
			continue
		}
		if err := r.queue.put(ctx, queued{Chunk: c}, 0); err != nil {
			return err
		}
		r.next = c.Next
	}
	return nil
}

func (r *reader) isKnownGap(bad *kafka.Unreadable) bool {
	return r.KnownGap != nil && r.KnownGap(r.partition, bad.First, bad.Next)
}
