package ingest

import (
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
)

const (
	fetchVersion = 11 // Kafka 2.3; the first with all that the request below says
	fetchBytes   = 1  // a batch comes whole all the same, and none behind it
)

// errNoRecord says that a log has nothing at an offset.
var errNoRecord = errors.New("no record")

func fingerprint(offset int64, at time.Time, key, value []byte) *batch.Fingerprint {
	table := crc32.MakeTable(crc32.Castagnoli)
	return &batch.Fingerprint{
		Offset: offset, Timestamp: at.UnixMilli(),
		CRC: crc32.Update(crc32.Checksum(key, table), table, value),
	}
}

func fingerprintOf(m *sarama.ConsumerMessage) *batch.Fingerprint {
	return fingerprint(m.Offset, m.Timestamp, m.Key, m.Value)
}

// describe names a record in an error.
func describe(f *batch.Fingerprint) string {
	if f == nil {
		return "a transaction's marker"
	}
	return fmt.Sprintf("a record of %s with CRC %08x", time.UnixMilli(f.Timestamp).UTC().Format(time.RFC3339Nano), f.CRC)
}

// recordAt returns the fingerprint of what stands at the offset, nil for a
// transaction's marker, or errNoRecord. It reads uncommitted, because what
// matters is whether something else has taken the place of a record, and an
// open or aborted transaction may have.
func recordAt(client sarama.Client, p batch.Partition, offset int64) (*batch.Fingerprint, error) {
	block, err := fetch(client, p, offset)
	if err != nil {
		return nil, err
	}
	for _, records := range block.RecordsSet {
		batch := records.RecordBatch
		if batch == nil || offset < batch.FirstOffset || offset > batch.LastOffset() {
			continue
		}
		if batch.Control {
			return nil, nil
		}
		for _, r := range batch.Records {
			if batch.FirstOffset+r.OffsetDelta == offset {
				return fingerprint(offset, timestamp(batch, r), r.Key, r.Value), nil
			}
		}
	}
	return nil, errNoRecord
}

func timestamp(batch *sarama.RecordBatch, r *sarama.Record) time.Time {
	if batch.LogAppendTime {
		return batch.MaxTimestamp
	}
	return batch.FirstTimestamp.Add(r.TimestampDelta)
}

// fetch asks the partition's leader, and once more if that has just changed.
func fetch(client sarama.Client, p batch.Partition, offset int64) (*sarama.FetchResponseBlock, error) {
	block, err := fetchOnce(client, p, offset)
	if err == nil {
		return block, nil
	}
	if err := client.RefreshMetadata(p.Topic); err != nil {
		return nil, err
	}
	return fetchOnce(client, p, offset)
}

func fetchOnce(client sarama.Client, p batch.Partition, offset int64) (*sarama.FetchResponseBlock, error) {
	leader, err := client.Leader(p.Topic, p.Partition)
	if err != nil {
		return nil, err
	}
	request := &sarama.FetchRequest{Version: fetchVersion, MaxBytes: fetchBytes, Isolation: sarama.ReadUncommitted}
	request.AddBlock(p.Topic, p.Partition, offset, fetchBytes, -1)
	response, err := leader.Fetch(request)
	if err != nil {
		return nil, err
	}
	block := response.GetBlock(p.Topic, p.Partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	if block.Err != sarama.ErrNoError {
		return nil, block.Err
	}
	return block, nil
}
