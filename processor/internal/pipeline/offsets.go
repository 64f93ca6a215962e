package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"purchases/processor/internal/transaction"
	"purchases/producer/kafka"
)

const (
	doubt = 3 * time.Second // a broker learns within one that it leads no longer, a busy one within two
)

// OutOfRangeError is the error of a committed offset that the log no longer
// holds, or does not hold yet: records between were lost or replaced.
type OutOfRangeError struct {
	Topic     string
	Partition int32
	Group     string
	// Committed is the group's offset; the log holds Oldest up to but not
	// including End.
	Committed, Oldest, End int64
}

func (e *OutOfRangeError) Error() string {
	return fmt.Sprintf("%s/%d: group %s has committed offset %d, but the log holds %d to %d: "+
		"records that were not processed are gone, or the topic was recreated; "+
		"to accept the gap, stop the group's members and set its offset with `kafka-consumer-groups.sh --reset-offsets`, or start with a new --group",
		e.Topic, e.Partition, e.Group, e.Committed, e.Oldest, e.End)
}

// committedOffsets returns the group's next offsets, transaction.NoOffset where there is none.
func (p *pipeline) committedOffsets(partitions []int32) (map[int32]int64, error) {
	response, err := p.admin.ListConsumerGroupOffsets(p.Group, map[string][]int32{p.Input: partitions})
	if err != nil && !errors.Is(err, sarama.ErrGroupIDNotFound) {
		return nil, fmt.Errorf("read the offsets of group %s: %w", p.Group, err)
	}
	offsets := make(map[int32]int64, len(partitions))
	for _, partition := range partitions {
		offsets[partition] = transaction.NoOffset
		if block := response.GetBlock(p.Input, partition); block != nil {
			if block.Err != sarama.ErrNoError {
				return nil, fmt.Errorf("read the offset of group %s for %s/%d: %w", p.Group, p.Input, partition, block.Err)
			}
			offsets[partition] = block.Offset
		}
	}
	return offsets, nil
}

// checkFresh refuses, with Fresh, outputs in which something stands that is not
// this group's.
func (p *pipeline) checkFresh() error {
	if !p.Fresh {
		return nil
	}
	partitions, err := kafka.Partitions(p.client, p.Input)
	if err != nil {
		return err
	}
	committed, err := p.committedOffsets(partitions)
	if err != nil {
		return err
	}
	for _, next := range committed {
		if next >= 0 {
			p.Log.Info("resuming from the committed offsets of the group", "group", p.Group)
			return nil
		}
	}
	for _, topic := range []string{p.Output, p.DeadLetters} {
		last, err := kafka.LastRecords(p.client, topic)
		if err != nil {
			return err
		}
		for partition, offset := range last {
			if offset != kafka.NoRecord {
				return fmt.Errorf("process %s from its beginning: %s/%d already has records that group %s did not write; use empty topics",
					p.Input, topic, partition, p.Group)
			}
		}
	}
	return nil
}

// checkBounds compares the committed offsets with the logs, because sarama
// would jump or try for ever. An offset equal to the log's end is in order. One
// behind it must stay there for a while: a leader that was paused or cut off,
// and does not know yet that it leads no longer, has an older end.
func (p *pipeline) checkBounds(ctx context.Context, partitions []int32) error {
	committed, err := p.committedOffsets(partitions)
	if err != nil {
		return err
	}
	for until := time.Now().Add(doubt); ; {
		err := p.compareBounds(committed)
		var outside *OutOfRangeError
		if !errors.As(err, &outside) || outside.Committed < outside.Oldest || time.Now().After(until) {
			return err
		}
		wait(ctx, longestPause)
		_ = p.client.RefreshMetadata(p.Input) // fails with what the comparison will say
	}
}

func (p *pipeline) compareBounds(committed map[int32]int64) error {
	for partition, offset := range committed {
		oldest, err := p.client.GetOffset(p.Input, partition, sarama.OffsetOldest)
		if err != nil {
			return fmt.Errorf("find the start of %s/%d: %w", p.Input, partition, err)
		}
		end, err := p.client.GetOffset(p.Input, partition, sarama.OffsetNewest)
		if err != nil {
			return fmt.Errorf("find the end of %s/%d: %w", p.Input, partition, err)
		}
		switch {
		case offset < 0 && oldest > 0:
			p.Log.Info("no committed offset; starting at the oldest record", "topic", p.Input, "partition", partition, "offset", oldest)
		case offset >= 0 && (offset < oldest || offset > end):
			return &OutOfRangeError{p.Input, partition, p.Group, offset, oldest, end}
		}
	}
	return nil
}
