package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"

	"purchases/processor/internal/transaction"
	"purchases/producer/kafka"
)

// session is one membership of the group, from an assignment to its end. It is
// the sarama.ConsumerGroupHandler of that time.
type session struct {
	*pipeline
	producers map[int32]*transaction.Producer
	committed atomic.Bool // at least one transaction
	context   context.Context
	topic     kafka.Identity // that Setup found

	mu  sync.Mutex
	err error // the first thing that went wrong
}

// run takes part in the group until the session ends. It returns nil when that
// was no more than a rebalance.
func (s *session) run(ctx context.Context, group sarama.ConsumerGroup) error {
	err := group.Consume(ctx, []string{s.Input}, s)
	s.close()
	switch {
	case s.err != nil:
		return s.err
	case err != nil:
		return fmt.Errorf("consume %s in group %s: %w", s.Input, s.Group, err)
	}
	return s.cause()
}

func (s *session) cause() error {
	if s.context == nil {
		return nil
	}
	cause := context.Cause(s.context)
	if errors.Is(cause, sarama.ErrRebalanceInProgress) || errors.Is(cause, sarama.ErrSessionPartitionCountChanged) {
		return nil
	}
	return fmt.Errorf("session of group %s: %w", s.Group, cause)
}

// open opens a producer for each partition, all at the same time. Setup
// reports what went wrong.
func (s *session) open(ctx context.Context, partitions []int32) {
	s.producers = make(map[int32]*transaction.Producer, len(partitions))
	var wg sync.WaitGroup
	for _, partition := range partitions {
		wg.Go(func() {
			producer, err := transaction.Open(ctx, s.Kafka, s.transactionalID(partition))
			if err != nil {
				s.fail(err)
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.producers[partition] = producer
		})
	}
	wg.Wait()
}

func (s *session) transactionalID(partition int32) string {
	return fmt.Sprintf("%s-%s-%d", s.Group, s.Input, partition)
}

func (s *session) close() {
	var wg sync.WaitGroup
	for _, producer := range s.producers {
		wg.Go(producer.Close)
	}
	wg.Wait()
}

func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

func (s *session) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Setup checks what the session starts from, before any message is read.
func (s *session) Setup(group sarama.ConsumerGroupSession) error {
	s.context = group.Context()
	if err := s.failure(); err != nil {
		return err
	}
	partitions := slices.Sorted(maps.Keys(s.producers))
	if err := s.checkLog(group, partitions); err != nil {
		s.fail(err)
		return err
	}
	s.health.recovered()
	s.Metrics.rebalances.Inc()
	s.Metrics.forget()
	s.Health.sessionBegan()
	s.Log.Info("assigned", "topic", s.Input, "partitions", partitions, "generation", group.GenerationID())
	return nil
}

func (s *session) checkLog(group sarama.ConsumerGroupSession, partitions []int32) error {
	var err error
	if s.topic, err = kafka.Identify(s.client, s.Input); err != nil {
		return err
	}
	s.progress.of(s.topic)
	list, err := s.checkBounds(s.context, partitions)
	if err != nil {
		return err
	}
	return s.passOver(group, list)
}

// metadata is what the broker knows this member of the group by.
func (s *session) metadata(group sarama.ConsumerGroupSession) *sarama.ConsumerGroupMetadata {
	var instance *string
	if s.Instance != "" {
		instance = &s.Instance
	}
	return sarama.NewConsumerGroupMetadataFromSession(group, s.Group, instance)
}

// verifyTopic fails when the topic was deleted and created again since the
// session began. What was read may then be of the new one: its records have
// other ids, and those before it were not read.
func (s *session) verifyTopic() error {
	topic, err := kafka.Identify(s.client, s.Input)
	if err == nil && topic != s.topic {
		err = fmt.Errorf("topic %s was deleted and created again", s.Input)
	}
	return err
}

// Cleanup does nothing: run closes the producers, also of a session that never
// got as far as Setup.
func (s *session) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim processes one partition. Its return ends the session.
func (s *session) ConsumeClaim(group sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	c := &partitionClaim{
		session:  s,
		producer: s.producers[claim.Partition()],
		messages: claim.Messages(),
		maxBytes: batchBytes(len(s.producers)),
		position: transaction.Offset{
			Topic: claim.Topic(), Partition: claim.Partition(), Previous: max(claim.InitialOffset(), transaction.NoOffset),
			Next:  s.progress.position(claim.Partition()),
			Group: s.metadata(group),
		},
	}
	watch, stop := context.WithCancel(group.Context())
	defer stop()
	go s.monitor(watch, claim.Partition(), claim.InitialOffset())
	err := c.process(group.Context())
	if err != nil && group.Context().Err() == nil {
		s.fail(fmt.Errorf("process %s/%d: %w", claim.Topic(), claim.Partition(), err))
	}
	return nil
}
