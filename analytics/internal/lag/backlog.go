package lag

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"

	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

// ProcessorGroup is the consumer group of the processors unless they are told otherwise.
const ProcessorGroup = "processor"

// Input is the topic that the processors read, and their consumer group.
type Input struct{ Topic, Group string }

// FindInput returns the input of the database's events. Before the first event
// it is the default topic.
func FindInput(ctx context.Context, db sqlx.QueryerContext, group string) (in Input, err error) {
	in.Group = group
	err = sqlx.GetContext(ctx, db, &in.Topic, `SELECT ifnull(max(topic), ?) FROM internal_sources`, purchase.Topic)
	if err != nil {
		return in, fmt.Errorf("read the topics of the sources: %w", err)
	}
	return in, nil
}

// Backlog is the part of the input that no processor has processed yet.
type Backlog struct {
	Input
	Partitions int
	Lag        int64     // offsets, at most
	Oldest     time.Time // timestamp of the oldest record that waits; zero without one
	Members    int       // processors that are running, as far as Kafka knows
}

// Find asks Kafka for the backlog.
func (in Input) Find(client sarama.Client) (b Backlog, err error) {
	b.Input = in
	partitions, err := kafka.Partitions(client, in.Topic)
	if err != nil {
		return b, err
	}
	b.Partitions = len(partitions)
	admin, err := sarama.NewClusterAdminFromClient(client) // closing it would close the client
	if err != nil {
		return b, fmt.Errorf("ask about group %s: %w", in.Group, err)
	}
	if b.Members, err = countMembers(admin, in.Group); err != nil {
		return b, err
	}
	offsets, err := admin.ListConsumerGroupOffsets(in.Group, map[string][]int32{in.Topic: partitions})
	if err != nil && !errors.Is(err, sarama.ErrGroupIDNotFound) {
		return b, fmt.Errorf("read the offsets of group %s: %w", in.Group, err)
	}
	for _, p := range partitions {
		if err := b.add(client, p, offsets.GetBlock(in.Topic, p)); err != nil {
			return b, err
		}
	}
	return b, nil
}

func countMembers(admin sarama.ClusterAdmin, group string) (int, error) {
	groups, err := admin.DescribeConsumerGroups([]string{group})
	if err != nil {
		return 0, fmt.Errorf("describe group %s: %w", group, err)
	}
	switch found := groups[0]; {
	case errors.Is(found.Err, sarama.ErrGroupIDNotFound), found.Err == sarama.ErrNoError:
		return len(found.Members), nil
	default:
		return 0, fmt.Errorf("describe group %s: %w", group, found.Err)
	}
}

// add counts one partition, from its beginning where the group has no offset.
func (b *Backlog) add(client sarama.Client, partition int32, committed *sarama.OffsetFetchResponseBlock) error {
	position, err := client.GetOffset(b.Topic, partition, sarama.OffsetOldest)
	if err != nil {
		return fmt.Errorf("find the start of %s/%d: %w", b.Topic, partition, err)
	}
	if committed != nil {
		position = max(position, committed.Offset)
	}
	pending, err := kafka.FindPending(client, b.Topic, partition, position)
	if err != nil {
		return err
	}
	b.Lag += pending.Lag()
	if at := pending.Since; !at.IsZero() && (b.Oldest.IsZero() || at.Before(b.Oldest)) {
		b.Oldest = at
	}
	return nil
}
