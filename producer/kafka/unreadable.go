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

const (
	window  = 1 << 20 // bytes, compressed: what readers fetch of a partition at once, or more
	windows = 4       // that a reader may be ahead of its position
)

// FindUnreadable looks from a position on for the first batch of a partition
// that is too large when it is decompressed. It looks as far as a reader at that
// position may have fetched, and returns nil where it finds none.
func FindUnreadable(client sarama.Client, topic string, partition int32, position int64) *Unreadable {
	for range windows {
		block, err := fetchFrom(client, topic, partition, position, sarama.ReadCommitted, window)
		switch {
		case errors.Is(err, sarama.ErrDecompressedBatchTooLarge):
			return findUnreadable(client, topic, partition, position)
		case err != nil || firstBatch(block) == nil:
			return nil
		}
		position = max(position, lastBatch(block).LastOffset()+1)
	}
	return nil
}

func lastBatch(block *sarama.FetchResponseBlock) (last *sarama.RecordBatch) {
	for _, records := range block.RecordsSet {
		if records.RecordBatch != nil {
			last = records.RecordBatch
		}
	}
	return last
}

// findUnreadable reads one batch after the other until it cannot.
func findUnreadable(client sarama.Client, topic string, partition int32, position int64) *Unreadable {
	read := func(offset int64) (*sarama.RecordBatch, bool) {
		block, err := fetch(client, topic, partition, offset)
		if err != nil {
			return nil, errors.Is(err, sarama.ErrDecompressedBatchTooLarge)
		}
		return firstBatch(block), false
	}
	for {
		batch, bad := read(position)
		switch {
		case bad:
			next := after(position, func(offset int64) bool { _, bad := read(offset); return bad })
			return &Unreadable{Topic: topic, Partition: partition, First: position, Next: next}
		case batch == nil:
			return nil
		}
		position = max(position, batch.LastOffset()) + 1
	}
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
