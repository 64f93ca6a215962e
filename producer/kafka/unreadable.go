package kafka

import (
	"errors"

	"github.com/IBM/sarama"
)

// Unreadable is a batch that holds more than a reader decompresses.
type Unreadable struct {
	Topic     string
	Partition int32
	// First is an offset in the batch, its first one that is not read yet. Next
	// is that of the record after the batch.
	First, Next int64
}

// FindUnreadable looks from a position on for the first batch of a partition
// that is too large when it is decompressed. It looks at no more than most
// batches, and returns nil where it finds none.
func FindUnreadable(client sarama.Client, topic string, partition int32, position int64, most int) *Unreadable {
	unreadable := func(offset int64) (*sarama.RecordBatch, bool) {
		block, err := fetchLimited(client, topic, partition, offset, sarama.ReadUncommitted, 1)
		if err != nil {
			return nil, errors.Is(err, sarama.ErrDecompressedBatchTooLarge)
		}
		return firstBatch(block), false
	}
	for range most {
		batch, bad := unreadable(position)
		switch {
		case bad:
			next := after(position, func(offset int64) bool { _, bad := unreadable(offset); return bad })
			return &Unreadable{Topic: topic, Partition: partition, First: position, Next: next}
		case batch == nil:
			return nil
		}
		position = max(position, batch.LastOffset()) + 1
	}
	return nil
}

// after returns the first offset that is not in the batch of first: a few
// questions that double their distance, and a few that halve it.
func after(first int64, in func(offset int64) bool) int64 {
	step := int64(1)
	for in(first + step) {
		step *= 2
	}
	low, high := first+step/2, first+step // in the batch, and not
	for high-low > 1 {
		if middle := low + (high-low)/2; in(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
