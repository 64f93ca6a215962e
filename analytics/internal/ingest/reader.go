package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
)

// relocatePause keeps a broker that refuses a good offset, as for a moment after
// an election, from being asked without a pause.
const relocatePause = time.Second

// errNewLeader says that the partition's log may be another one than before.
var errNewLeader = errors.New("the partition has a new leader")

// reader reads one partition and decodes what it reads, in order.
type reader struct {
	*ingester
	partition batch.Partition
	next, end int64              // the offset to read next, and the one not to read
	last      *batch.Fingerprint // of the last record that was read
	epoch     int32              // of the leader whose log has that record
	messages  sarama.PartitionConsumer
	queue     *partitionQueue
	decode    func(*sarama.ConsumerMessage) batch.Record
}

func (in *ingester) newReader(p batch.Partition, at position) *reader {
	id := in.topicID(p.Topic)
	decode := (&decoder{topicID: id}).decode
	if p.Topic == in.DeadLetters {
		decode = (&letterDecoder{topicID: id, own: in.names()}).decode
	}
	return &reader{ingester: in, partition: p, next: at.next, end: in.stopAt(p), last: at.last, epoch: at.epoch,
		queue: in.queue.add(p), decode: decode}
}

func (in *ingester) topicID(topic string) string {
	for _, o := range in.origins {
		if o.Topic == topic {
			return o.TopicID
		}
	}
	return ""
}

// run reads until ctx ends, all is read that is to be, or the partition cannot
// be read any more. A broker that is away is waited for.
func (r *reader) run(ctx context.Context) error {
	for {
		err := r.consume(ctx, r.consumer)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, sarama.ErrOffsetOutOfRange), errors.Is(err, errNewLeader):
			err = r.relocate(ctx, err)
		case errors.Is(err, sarama.ErrDecompressedBatchTooLarge):
			err = r.passUnreadable(ctx)
		default:
			err = r.wait(ctx, err)
		}
		if err != nil {
			return err
		}
	}
}

// wait is for a broker that cannot be asked at the moment.
func (r *reader) wait(ctx context.Context, cause error) error {
	r.outage.fail(r.partition, cause)
	return pause(ctx, relocatePause)
}

// relocate compares the log with what was read of it, because it does not have
// the reader's position or has another leader. It returns nil when reading can
// go on, or may be tried again.
func (r *reader) relocate(ctx context.Context, cause error) error {
	epoch, err := r.verifyLog(ctx)
	switch gap := (*gapError)(nil); {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &gap) && r.AcceptGaps:
		r.Log.Warn("offsets expired before they were read, which is recorded as a gap", "partition", r.partition, "from",
			gap.from, "to", gap.to)
		return r.skip(ctx, gap.from, gap.to+1)
	case errors.As(err, &gap), errors.Is(err, ErrOtherLog):
		return err
	case err != nil:
		return r.wait(ctx, err)
	case errors.Is(cause, errNewLeader):
		r.epoch = epoch
		return nil
	}
	r.Log.Warn("the broker did not have an offset that it has now, trying again", "partition", r.partition, "offset",
		r.next)
	return pause(ctx, relocatePause)
}

// verifyLog returns the epoch of a leader whose log has what was read.
func (r *reader) verifyLog(ctx context.Context) (epoch int32, err error) {
	if _, epoch, err = r.client.LeaderAndEpoch(r.partition.Topic, r.partition.Partition); err != nil {
		return epoch, err
	}
	if r.last != nil {
		if known, err := verifyRecord(r.client, r.partition, r.last); known && err == nil {
			return epoch, nil // which is quicker than all that follows
		}
	}
	if err := r.checkOrigins(); err != nil {
		return epoch, err
	}
	_, err = verifyLog(ctx, r.client, r.partition, position{next: r.next, last: r.last}, time.Now().Add(staleLeaderGrace))
	return epoch, err
}

// consume reads until ctx ends, all is read that is to be, or the consumer
// ends: with an ErrOffsetOutOfRange when the log does not have the position,
// with an errNewLeader, or with an ErrDecompressedBatchTooLarge for a batch of
// this or another partition.
func (r *reader) consume(ctx context.Context, consumer sarama.Consumer) (err error) {
	if r.next >= r.end {
		return nil
	}
	r.messages, err = consumer.ConsumePartition(r.partition.Topic, r.partition.Partition, r.next)
	if err != nil {
		return fmt.Errorf("read %s from offset %d: %w", r.partition, r.next, err)
	}
	defer r.close(ctx)
	r.queue.read(r.messages)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err, ok := <-r.messages.Errors():
			switch {
			case !ok, errors.Is(err.Err, sarama.ErrOffsetOutOfRange):
				return r.finish(ctx, sarama.ErrOffsetOutOfRange)
			case errors.Is(err.Err, sarama.ErrDecompressedBatchTooLarge):
				r.messages.AsyncClose()
				return r.finish(ctx, err.Err)
			}
			r.outage.fail(r.partition, err.Err)
		case m, ok := <-r.messages.Messages():
			if !ok {
				return r.finish(ctx, sarama.ErrOffsetOutOfRange)
			}
			r.outage.read(r.partition)
			if m.Offset >= r.end {
				return nil
			}
			if err := r.deliver(ctx, m); err != nil || r.next >= r.end {
				return err
			}
		}
	}
}

// close waits, because a partition has one consumer at a time, but not at the end.
func (r *reader) close(ctx context.Context) {
	if r.messages.AsyncClose(); ctx.Err() == nil {
		_ = r.messages.Close()
	}
}

// finish hands over what a consumer that has ended had read before. sarama ends
// one by itself only when its offset is out of range.
func (r *reader) finish(ctx context.Context, cause error) error {
	for m := range r.messages.Messages() {
		if m.Offset >= r.end {
			return nil
		}
		if err := r.deliver(ctx, m); err != nil {
			return err
		}
	}
	return fmt.Errorf("read %s at offset %d: %w", r.partition, r.next, cause)
}

// deliver hands over the message and those behind it, unless some of them may
// come from another leader: its log need not have what was read before, and
// sarama does not look (KIP-320). It looks up who leads before it asks a new
// leader for records, so what came while the old one was known came from it.
func (r *reader) deliver(ctx context.Context, m *sarama.ConsumerMessage) error {
	next, end, last := r.next, r.end, r.last
	c := r.collect(m)
	if _, epoch, err := r.client.LeaderAndEpoch(r.partition.Topic, r.partition.Partition); err != nil || epoch != r.epoch {
		r.next, r.end, r.last = next, end, last
		return errNewLeader
	}
	return r.queue.put(ctx, c, min(r.messages.HighWaterMarkOffset(), r.end)-r.next)
}

// collect decodes the message and those behind it that are there already, up
// to the size of a chunk.
func (r *reader) collect(m *sarama.ConsumerMessage) queued {
	ready := min(1+len(r.messages.Messages()), chunkRecords)
	c := queued{Chunk: batch.Chunk{Partition: r.partition, From: r.next, Records: make([]batch.Record, 0, ready)}}
	for {
		c.add(r.decode(m))
		if c.full() {
			break
		}
		next := r.nextBuffered()
		if next == nil {
			break
		}
		if next.Offset >= r.end {
			r.end = m.Offset + 1 // nothing more
			break
		}
		m = next
	}
	r.next = m.Offset + 1
	c.Next, c.Last, c.HighWatermark = r.next, fingerprintOf(m), r.messages.HighWaterMarkOffset()
	r.last = c.Last
	return c
}

// nextBuffered returns the next message if it is there already, else nil.
func (r *reader) nextBuffered() *sarama.ConsumerMessage {
	select {
	case m := <-r.messages.Messages(): // nil after its end
		return m
	default:
		return nil
	}
}
