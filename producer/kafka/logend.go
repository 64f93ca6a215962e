package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

const (
	fetchVersion = 11 // Kafka 2.3; the first with all that the request below says
	// NoRecord stands for the offset of a record that does not exist.
	NoRecord int64 = -1
)

// LastRecords returns for each partition of a topic the offset of the last
// record that a read_committed consumer can see now, or [NoRecord].
//
// A reader has caught up when it has read that record. Comparing its position
// with the high watermark would not do: a log usually ends with a transaction's
// marker, which takes up an offset and is never delivered (KIP-98).
func LastRecords(client sarama.Client, topic string) (map[int32]int64, error) {
	partitions, err := Partitions(client, topic)
	if err != nil {
		return nil, err
	}
	last := make(map[int32]int64, len(partitions))
	for _, p := range partitions {
		if last[p], err = LastRecord(client, topic, p); err != nil {
			return nil, fmt.Errorf("find the last record of %s/%d: %w", topic, p, err)
		}
	}
	return last, nil
}

// LastRecord is [LastRecords] for one partition.
func LastRecord(client sarama.Client, topic string, partition int32) (int64, error) {
	oldest, err := client.GetOffset(topic, partition, sarama.OffsetOldest)
	if err != nil {
		return 0, err
	}
	end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil {
		return 0, err
	}
	for probe := end - 1; probe >= oldest; {
		block, err := fetch(client, topic, partition, probe)
		if errors.Is(err, sarama.ErrDecompressedBatchTooLarge) {
			return probe, nil // a reader must get past it, too
		}
		if err != nil {
			return 0, err
		}
		batch := firstBatch(block)
		switch {
		case batch == nil: // probe is in an open transaction
			probe = min(probe, block.LastStableOffset) - 1
		case visible(batch, block.AbortedTransactions):
			return lastOffset(batch), nil
		default:
			probe = min(probe, batch.FirstOffset) - 1
		}
	}
	return NoRecord, nil
}

// End is where the log of a partition ends for a read_committed reader.
type End struct {
	LastRecord    int64 // offset of the last record that it can see; [NoRecord] without one
	HighWatermark int64 // offset that the log's next record will get
	// Open is the open transaction that keeps the reader from what stands behind
	// it; nil without one.
	Open *OpenTransaction
}

// OpenTransaction is one that its producer has neither committed nor aborted.
type OpenTransaction struct {
	Offset int64     // of its first record in the partition
	Since  time.Time // timestamp of that record
}

// Lag is how many offsets a reader at the position is behind, at most:
// transaction markers count, but a log whose last record it has read has none.
func (e End) Lag(position int64) int64 {
	switch {
	case position <= e.LastRecord:
		return e.HighWatermark - position
	case e.Open != nil:
		return e.HighWatermark - max(position, e.Open.Offset)
	}
	return 0
}

// FindEnd asks for the end of a log of which a reader has read all before the
// position. It takes one request where there is nothing more to read.
func FindEnd(client sarama.Client, topic string, partition int32, position int64) (End, error) {
	pending, err := FindPending(client, topic, partition, position)
	switch {
	case errors.Is(err, sarama.ErrOffsetOutOfRange): // the log has expired or was truncated behind the reader
		return findEnd(client, topic, partition)
	case err != nil:
		return End{}, err
	}
	end := End{LastRecord: position - 1, HighWatermark: pending.HighWatermark}
	if pending.Open {
		end.Open = &OpenTransaction{pending.Offset, pending.Since}
	}
	if pending.Open || pending.Lag() == 0 {
		return end, nil
	}
	return findEnd(client, topic, partition)
}

// findEnd is FindEnd for any position. The high watermark is asked for last, so
// that it is never below the last record.
func findEnd(client sarama.Client, topic string, partition int32) (end End, err error) {
	if end.LastRecord, err = LastRecord(client, topic, partition); err != nil {
		return end, fmt.Errorf("find the last record of %s/%d: %w", topic, partition, err)
	}
	if end.HighWatermark, err = client.GetOffset(topic, partition, sarama.OffsetNewest); err != nil {
		return end, fmt.Errorf("find the end of %s/%d: %w", topic, partition, err)
	}
	return end, nil
}

// oneBatch is a limit for a partition's part of a response. A leader sends the
// first batch whole whatever the limit is (KIP-74).
const oneBatch = 1

// fetch reads the batch that holds the offset, or the first one behind it, as a
// read_committed consumer.
func fetch(client sarama.Client, topic string, partition int32, offset int64) (*sarama.FetchResponseBlock, error) {
	return fetchFrom(client, topic, partition, offset, sarama.ReadCommitted, oneBatch)
}

// fetchFrom reads up to so many bytes of a partition, and at least one batch.
// The response as a whole may be larger: an embedded broker whose response is
// full leaves out the list of aborted transactions.
func fetchFrom(client sarama.Client, topic string, partition int32, offset int64, level sarama.IsolationLevel,
	bytes int32) (
	*sarama.FetchResponseBlock, error,
) {
	leader, err := client.Leader(topic, partition)
	if err != nil {
		return nil, err
	}
	request := &sarama.FetchRequest{Version: fetchVersion, MaxBytes: sarama.MaxResponseSize, Isolation: level}
	request.AddBlock(topic, partition, offset, bytes, -1)
	response, err := leader.Fetch(request)
	if err != nil {
		return nil, err
	}
	block := response.GetBlock(topic, partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	if block.Err != sarama.ErrNoError {
		return nil, block.Err
	}
	return block, nil
}

func firstBatch(block *sarama.FetchResponseBlock) *sarama.RecordBatch {
	for _, records := range block.RecordsSet {
		if records.RecordBatch != nil {
			return records.RecordBatch
		}
	}
	return nil
}

// visible says whether a read_committed consumer is given the batch. The
// response lists the aborted transactions that reach into what was fetched, and
// one producer's transactions do not overlap: one that began before the end of
// the producer's batch is the one that the batch belongs to.
func visible(batch *sarama.RecordBatch, aborted []*sarama.AbortedTransaction) bool {
	if batch.Control || len(batch.Records) == 0 {
		return false
	}
	for _, a := range aborted {
		if batch.IsTransactional && a.ProducerID == batch.ProducerID && a.FirstOffset <= batch.LastOffset() {
			return false
		}
	}
	return true
}

func lastOffset(batch *sarama.RecordBatch) int64 {
	return batch.FirstOffset + batch.Records[len(batch.Records)-1].OffsetDelta
}
