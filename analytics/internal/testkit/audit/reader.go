// Package audit compares what the three programs made of an input with what
// they should have made of it: the logs with each other, and the statistics in
// the database with those that it computes from the input itself.
//
// It reads Kafka with another client library than the programs do, and SQLite
// row by row, so that a mistake of theirs is not repeated here. What is a valid
// purchase it takes from the topics' contracts.
package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	poll          = 50 * time.Millisecond
	readCommitted = 1 // in requests
)

// Position is one place of a log.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

func (p Position) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }

func position(r *kgo.Record) Position { return Position{r.Topic, r.Partition, r.Offset} }

type partition struct {
	topic string
	n     int32
}

// Reader reads topics from their beginning as a read_committed consumer. It
// stays where it is when brokers go away, and reads on when they return.
type Reader struct {
	client  *kgo.Client
	topics  []string
	records map[string][]*kgo.Record
	last    map[partition]int64 // offset read last, which may be a transaction's marker
}

// NewReader returns a reader of the topics at their beginning.
func NewReader(bootstrap []string, topics ...string) (*Reader, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap...),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the log may end with one
		kgo.FetchMaxWait(poll),
		kgo.MetadataMinAge(poll),
	)
	if err != nil {
		return nil, fmt.Errorf("read %v: %w", topics, err)
	}
	return &Reader{client: client, topics: topics, records: map[string][]*kgo.Record{}, last: map[partition]int64{}}, nil
}

// Follow reads until ctx ends, which is no error. That the cluster has lost
// records that it had shown is one.
func (r *Reader) Follow(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ReadToEnd reads on to the logs' end as it is now and returns the records of
// each topic, those of one partition in the order in which they came.
func (r *Reader) ReadToEnd(ctx context.Context) (map[string][]*kgo.Record, error) {
	ends, err := r.ends(ctx)
	for kerr.IsRetriable(err) && ctx.Err() == nil { // a leader that is new does not know at once
		r.client.ForceMetadataRefresh()
		time.Sleep(poll)
		ends, err = r.ends(ctx)
	}
	if err != nil {
		return nil, err
	}
	for !r.reached(ends) {
		if err := r.poll(ctx); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %v to the end: %w", r.topics, err)
		}
	}
	return r.records, nil
}

// Close ends the reader.
func (r *Reader) Close() { r.client.Close() }

func (r *Reader) poll(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	fetches := r.client.PollFetches(ctx)
	fetches.EachError(func(topic string, n int32, cause error) {
		if !errors.Is(cause, context.DeadlineExceeded) && !errors.Is(cause, context.Canceled) && !kerr.IsRetriable(cause) {
			err = errors.Join(err, fmt.Errorf("read %s/%d: %w", topic, n, cause))
		}
	})
	fetches.EachRecord(func(record *kgo.Record) {
		r.last[partition{record.Topic, record.Partition}] = record.Offset
		if !record.Attrs.IsControl() {
			r.records[record.Topic] = append(r.records[record.Topic], record)
		}
	})
	return err
}

func (r *Reader) reached(ends map[partition]int64) bool {
	for p, end := range ends {
		last, seen := r.last[p]
		if end > 0 && (!seen || last < end-1) {
			return false
		}
	}
	return true
}

// ends returns the last stable offsets. When no transaction is open they are
// the logs' ends, and what stands before them is a record or a marker.
func (r *Reader) ends(ctx context.Context) (map[partition]int64, error) {
	metadata := kmsg.NewPtrMetadataRequest()
	for _, name := range r.topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		metadata.Topics = append(metadata.Topics, topic)
	}
	found, err := metadata.RequestWith(ctx, r.client)
	if err != nil {
		return nil, fmt.Errorf("find the partitions of %v: %w", r.topics, err)
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.IsolationLevel = readCommitted
	for _, topic := range found.Topics {
		asked := kmsg.NewListOffsetsRequestTopic()
		asked.Topic = *topic.Topic
		for _, p := range topic.Partitions {
			end := kmsg.NewListOffsetsRequestTopicPartition()
			end.Partition, end.Timestamp = p.Partition, -1
			asked.Partitions = append(asked.Partitions, end)
		}
		request.Topics = append(request.Topics, asked)
	}
	ends := map[partition]int64{}
	for _, shard := range r.client.RequestSharded(ctx, request) {
		if shard.Err != nil {
			return nil, fmt.Errorf("find the ends of %v: %w", r.topics, shard.Err)
		}
		for _, topic := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("find the end of %s/%d: %w", topic.Topic, p.Partition, err)
				}
				ends[partition{topic.Topic, p.Partition}] = p.Offset
			}
		}
	}
	return ends, nil
}
