package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// Pending is what a partition holds for a read_committed reader from its
// position on.
type Pending struct {
	Topic     string
	Partition int32
	// Offset and Since are of the first record that the reader has not read and
	// can see, or else of the one where an open transaction begins. Offset is
	// the high watermark and Since is zero where there is neither.
	Offset int64
	Since  time.Time
	// Open is true when nothing can be read because of an open transaction.
	Open bool
	// HighWatermark is the offset of the next record of the log.
	HighWatermark int64
}

// Lag is the number of offsets that the reader is behind, transaction markers
// included. It is 0 when there is nothing more to read.
func (p Pending) Lag() int64 { return p.HighWatermark - p.Offset }

// Age is how long ago the first pending record was written, by its timestamp.
func (p Pending) Age(now time.Time) time.Duration {
	if p.Since.IsZero() {
		return 0
	}
	return max(0, now.Sub(p.Since))
}

// Compare orders by topic, then by partition.
func (p Pending) Compare(other Pending) int {
	return cmp.Or(cmp.Compare(p.Topic, other.Topic), cmp.Compare(p.Partition, other.Partition))
}

// HeldError is the error of a drain that has records left behind open
// transactions of other producers.
type HeldError struct {
	Waited     time.Duration
	Partitions []Pending // at least one, in ascending order
}

func (e *HeldError) Error() string {
	var at []string
	for _, p := range e.Partitions {
		at = append(at, fmt.Sprintf("%s/%d from offset %d (%s old)", p.Topic, p.Partition, p.Offset, p.Age(time.Now()).
			Round(time.Second)))
	}
	return fmt.Sprintf("not drained: open transactions of other producers block %s, waited %s; "+
		"let those producers commit or abort, or find them with `kafka-transactions.sh find-hanging`, and drain again",
		strings.Join(at, ", "), e.Waited.Round(time.Second))
}

// FindPending asks the leader of a partition what it holds from a position on.
// Records of aborted transactions and markers are not pending.
func FindPending(client sarama.Client, topic string, partition int32, position int64) (Pending, error) {
	p := Pending{Topic: topic, Partition: partition}
	for probe := position; ; {
		block, err := fetch(client, topic, partition, probe)
		if errors.Is(err, sarama.ErrDecompressedBatchTooLarge) {
			return p.findEnd(client, probe)
		}
		if err != nil {
			return p, fmt.Errorf("read %s/%d at offset %d: %w", topic, partition, probe, err)
		}
		p.Offset, p.HighWatermark = block.HighWaterMarkOffset, block.HighWaterMarkOffset
		batch := firstBatch(block)
		switch {
		case batch == nil && block.LastStableOffset < block.HighWaterMarkOffset:
			return p, p.findOpen(client, block.LastStableOffset)
		case batch == nil:
			return p, nil
		case visible(batch, block.AbortedTransactions):
			if found := p.take(batch, probe); found {
				return p, nil
			}
		}
		probe = max(probe, batch.LastOffset()) + 1
	}
}

// findEnd is for a batch that is pending and too large to be read: when it was
// written is not known.
func (p Pending) findEnd(client sarama.Client, offset int64) (_ Pending, err error) {
	p.Offset = offset
	if p.HighWatermark, err = client.GetOffset(p.Topic, p.Partition, sarama.OffsetNewest); err != nil {
		return p, fmt.Errorf("find the end of %s/%d: %w", p.Topic, p.Partition, err)
	}
	return p, nil
}

// take notes the first record of the batch that is not before the position.
func (p *Pending) take(batch *sarama.RecordBatch, position int64) bool {
	for _, r := range batch.Records {
		if offset := batch.FirstOffset + r.OffsetDelta; offset >= position {
			p.Offset, p.Since = offset, batch.FirstTimestamp.Add(r.TimestampDelta)
			return true
		}
	}
	return false
}

// findOpen notes where the open transaction begins that holds a reader up.
func (p *Pending) findOpen(client sarama.Client, offset int64) error {
	p.Offset, p.Open = offset, true
	block, err := fetchFrom(client, p.Topic, p.Partition, offset, sarama.ReadUncommitted, oneBatch)
	if err != nil {
		return fmt.Errorf("read the open transaction of %s/%d at offset %d: %w", p.Topic, p.Partition, offset, err)
	}
	if batch := firstBatch(block); batch != nil {
		p.take(batch, offset)
	}
	return nil
}
