package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/store"
)

// chunkRecords bounds what a reader decodes before it hands it over.
const chunkRecords = 1_000

// reader reads one partition and decodes what it reads, in order.
type reader struct {
	partition store.Partition
	next      int64
	consumer  sarama.PartitionConsumer
	decode    func(*sarama.ConsumerMessage) store.Record
	log       *slog.Logger
}

func (in *ingester) newReader(ctx context.Context, p store.Partition, offset int64) (*reader, error) {
	consumer, err := patiently(ctx, in.client, p.Topic, func() (sarama.PartitionConsumer, error) {
		return in.consumer.ConsumePartition(p.Topic, p.Partition, offset)
	})
	if err != nil {
		return nil, fmt.Errorf("read %s from offset %d: %w", p, offset, err)
	}
	decode := decodeEvent
	if p.Topic == in.DeadLetters {
		decode = decodeDeadLetter
	}
	return &reader{partition: p, next: offset, consumer: consumer, decode: decode, log: in.Log}, nil
}

// run reads until ctx ends or the partition cannot be read any more. A broker
// that is away is waited for: sarama tries again by itself.
func (r *reader) run(ctx context.Context, out chan<- store.Chunk) error {
	defer r.consumer.AsyncClose()
	away := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-r.consumer.Errors():
			if err != nil && errors.Is(err.Err, sarama.ErrOffsetOutOfRange) {
				return r.lost(err.Err)
			}
			if err != nil && !away {
				away = true
				r.log.Warn("waiting for the broker", "partition", r.partition, "offset", r.next, "cause", err.Err)
			}
		case m, ok := <-r.consumer.Messages():
			if !ok {
				return r.lost(errors.New("the consumer ended"))
			}
			if away {
				away = false
				r.log.Info("reading again", "partition", r.partition, "offset", m.Offset)
			}
			select {
			case out <- r.collect(m):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// collect decodes the message and those behind it that are there already.
func (r *reader) collect(m *sarama.ConsumerMessage) store.Chunk {
	chunk := store.Chunk{Partition: r.partition, From: r.next}
	for {
		chunk.Records = append(chunk.Records, r.decode(m))
		r.next = m.Offset + 1
		chunk.Next = r.next
		if len(chunk.Records) == chunkRecords {
			return chunk
		}
		select {
		case next, ok := <-r.consumer.Messages():
			if !ok {
				return chunk
			}
			m = next
		default:
			return chunk
		}
	}
}

func (r *reader) lost(cause error) error {
	return fmt.Errorf("read %s at offset %d: %w; the log may have been truncated or have expired, see `analytics status`",
		r.partition, r.next, cause)
}
