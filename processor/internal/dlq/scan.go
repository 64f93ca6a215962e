// Package dlq reads the dead-letter topic for people: lists its letters, shows
// and exports them, and sends them back to the topic of purchases.
//
// It judges nothing. A letter that is sent back goes the way of any purchase,
// and is a new dead letter if it still breaks a rule.
package dlq

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

// Configure sets on c what a scan needs: committed records only, and an answer
// at once where a partition has no more. It returns c.
func Configure(c *sarama.Config) *sarama.Config {
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Return.Errors = true
	c.Consumer.MaxWaitTime = 10 * time.Millisecond // closing a partition waits for its last fetch
	return c
}

// scan hands every record of the topic to use, one partition after the other,
// up to the last one that a read_committed reader sees at the start.
func scan(ctx context.Context, client sarama.Client, topic string, use func(*sarama.ConsumerMessage) error) error {
	last, err := kafka.LastRecords(client, topic)
	if err != nil {
		return err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return fmt.Errorf("read topic %q: %w", topic, err)
	}
	defer func() { _ = consumer.Close() }()
	partitions := make([]int32, 0, len(last))
	for p := range last {
		partitions = append(partitions, p)
	}
	slices.Sort(partitions)
	for _, p := range partitions {
		if last[p] == kafka.NoRecord {
			continue
		}
		if err := scanPartition(ctx, consumer, topic, p, last[p], use); err != nil {
			return fmt.Errorf("read %s/%d: %w", topic, p, err)
		}
	}
	return nil
}

func scanPartition(ctx context.Context, consumer sarama.Consumer, topic string, partition int32, last int64,
	use func(*sarama.ConsumerMessage) error) error {
	messages, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer func() { _ = messages.Close() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-messages.Errors():
			return err.Err
		case m := <-messages.Messages():
			if err := use(m); err != nil || m.Offset >= last {
				return err
			}
		}
	}
}
