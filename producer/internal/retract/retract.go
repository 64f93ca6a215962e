// Package retract finds the events of a user on the topic of purchases and
// makes the retractions that take them back.
//
// It reads the topic and writes nothing.
package retract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

// Search says whose events to find.
type Search struct {
	Kafka kafka.Settings
	Topic string
	// User is compared with that of an event after [purchase.Event.Normalize].
	User string
	// At is when the retractions are issued, in whole milliseconds.
	At time.Time
	// Read, if not nil, is told how many records were read. It is called from
	// several goroutines.
	Read func(records int64)
}

// Found is the result of a search.
type Found struct {
	// Retractions take back each event of the user that no retraction on the
	// topic takes back already, ordered by time.
	Retractions []purchase.Event
	// Retracted counts the events that are taken back already.
	Retracted int
	// Unreadable counts records that are no JSON events, whose user is unknown.
	Unreadable int
}

// identity tells events apart.
type identity struct {
	id        [16]byte
	timestamp int64
}

// findings are what a search has seen so far.
type findings struct {
	*Search
	topicID string

	mu         sync.Mutex
	events     map[identity]purchase.Event // of the user, the last import of each
	retracted  map[identity]time.Time      // of all users, the last retraction of each
	unreadable int
}

// forever is later than any import: when a retraction without a time was issued.
var forever = time.UnixMilli(1<<62 - 1)

// Find reads the topic from its beginning up to its end as it stands, as a
// read_committed consumer. It fails when the topic is deleted meanwhile. To read
// again after an error is safe.
func (s Search) Find(ctx context.Context) (Found, error) {
	client, err := s.Kafka.Connect(ctx, config(s.Kafka))
	if err != nil {
		return Found{}, err
	}
	defer func() { _ = client.Close() }()
	topic, err := kafka.Identify(client, s.Topic)
	if err != nil {
		return Found{}, err
	}
	f := &findings{
		Search: &s, topicID: topic.TopicID,
		events: map[identity]purchase.Event{}, retracted: map[identity]time.Time{},
	}
	if err := f.readTopic(ctx, client); err != nil {
		return Found{}, err
	}
	if after, err := kafka.Identify(client, s.Topic); err != nil || after != topic {
		return Found{}, cmp.Or(err, fmt.Errorf("read topic %s: it was deleted and created again; run the command again",
			s.Topic))
	}
	return f.conclude(), nil
}

func config(settings kafka.Settings) *sarama.Config {
	c := settings.Config()
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Return.Errors = true
	c.Consumer.MaxProcessingTime = time.Second
	return c
}

func (f *findings) readTopic(ctx context.Context, client sarama.Client) error {
	last, err := kafka.LastRecords(client, f.Topic)
	if err != nil {
		return err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return fmt.Errorf("read topic %s: %w", f.Topic, err)
	}
	defer func() { _ = consumer.Close() }()
	readers, ctx := errgroup.WithContext(ctx)
	for partition, offset := range last {
		if offset == kafka.NoRecord {
			continue
		}
		readers.Go(func() error {
			if err := f.readPartition(ctx, consumer, partition, offset); err != nil {
				return fmt.Errorf("read %s/%d: %w", f.Topic, partition, err)
			}
			return nil
		})
	}
	return readers.Wait()
}

func (f *findings) readPartition(ctx context.Context, consumer sarama.Consumer, partition int32, last int64) error {
	records, err := consumer.ConsumePartition(f.Topic, partition, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer records.AsyncClose()
	for {
		select {
		case m, ok := <-records.Messages():
			if !ok {
				return errors.New("the reader stopped; run the command again")
			}
			if m.Offset <= last {
				f.record(m)
			}
			if m.Offset >= last {
				return nil
			}
		case err := <-records.Errors():
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *findings) record(m *sarama.ConsumerMessage) {
	if f.Read != nil {
		f.Read(1)
	}
	e, err := purchase.Decode(m.Value)
	e.Normalize()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		f.unreadable++
	case e.Validate(f.At) != nil: // a dead letter
	case e.Op == purchase.Retract:
		f.noteRetraction(e)
	case e.User == f.User:
		f.noteEvent(e, m)
	}
}

func (f *findings) noteRetraction(e purchase.Event) {
	at := e.RetractedAt
	if at.IsZero() {
		at = forever
	}
	if key := identityOf(e); at.After(f.retracted[key]) {
		f.retracted[key] = at
	}
}

func (f *findings) noteEvent(e purchase.Event, m *sarama.ConsumerMessage) {
	if e.EventID == "" {
		e.EventID = purchase.DerivedID(f.topicID, m.Partition, m.Offset).String()
	} else {
		e.EventID = purchase.ClaimedID(e.EventID)
	}
	key := identityOf(e)
	if known, ok := f.events[key]; !ok || e.ImportedAt.After(known.ImportedAt) {
		f.events[key] = e
	}
}

func identityOf(e purchase.Event) identity {
	return identity{purchase.ID(e.EventID), e.Timestamp.UnixMilli()}
}

// conclude leaves out what is retracted. An event without an import time is
// taken back by any retraction.
func (f *findings) conclude() Found {
	found := Found{Unreadable: f.unreadable}
	for key, e := range f.events {
		if at, ok := f.retracted[key]; ok && !e.ImportedAt.After(at) {
			found.Retracted++
			continue
		}
		found.Retractions = append(found.Retractions, Of(e, f.At))
	}
	slices.SortFunc(found.Retractions, func(a, b purchase.Event) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.EventID, b.EventID))
	})
	return found
}

// Of returns the retraction of an event that is issued at that time, or when the
// event was imported, if the clock of that import was ahead.
func Of(e purchase.Event, at time.Time) purchase.Event {
	if e.ImportedAt.After(at) {
		at = e.ImportedAt
	}
	return purchase.Event{Op: purchase.Retract, EventID: e.EventID, Timestamp: e.Timestamp, User: e.User, RetractedAt: at}
}
