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

// OutOfRangeError is the error of a committed offset beyond the end of the log:
// its records were lost or replaced.
type OutOfRangeError struct {
	Topic     string
	Partition int32
	Group     string
	// Committed is the group's offset; the log ends before End.
	Committed, End int64
}

func (e *OutOfRangeError) Error() string {
	return fmt.Sprintf("%s/%d: group %s has committed offset %d, but the log ends at %d: "+
		"it was truncated, or the topic was recreated; to process the log as it is, stop the group's members and "+
		"set its offset with `kafka-consumer-groups.sh --reset-offsets`, or start with a new --group", e.Topic, e.Partition, e.Group, e.Committed, e.End)
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
				return fmt.Errorf("process %s from its beginning: %s/%d already has records that group %s did not write; use "+
					"empty topics",
					p.Input, topic, partition, p.Group)
			}
		}
	}
	return nil
}

// checkBounds compares the committed offsets with the logs, because sarama
// would jump or try for ever, and returns the partitions that are behind their
// logs' starts. An offset equal to the log's end is in order. One behind the end
// must stay there for a while: a leader that was paused or cut off, and does not
// know yet that it leads no longer, has an older end.
func (p *pipeline) checkBounds(ctx context.Context, partitions []int32) ([]behind, error) {
	committed, err := p.committedOffsets(partitions)
	if err != nil {
		return nil, err
	}
	for until := time.Now().Add(doubt); ; {
		list, err := p.compareBounds(partitions, committed)
		var outside *OutOfRangeError
		if !errors.As(err, &outside) || time.Now().After(until) {
			return list, err
		}
		wait(ctx, longestPause)
		_ = p.client.RefreshMetadata(p.Input) // fails with what the comparison will say
	}
}

func (p *pipeline) compareBounds(partitions []int32, committed map[int32]int64) (list []behind, err error) {
	for _, partition := range partitions {
		oldest, err := p.client.GetOffset(p.Input, partition, sarama.OffsetOldest)
		if err != nil {
			return nil, fmt.Errorf("find the start of %s/%d: %w", p.Input, partition, err)
		}
		end, err := p.client.GetOffset(p.Input, partition, sarama.OffsetNewest)
		if err != nil {
			return nil, fmt.Errorf("find the end of %s/%d: %w", p.Input, partition, err)
		}
		switch offset := max(committed[partition], 0); {
		case offset > end:
			return nil, &OutOfRangeError{p.Input, partition, p.Group, offset, end}
		case offset < oldest:
			from := min(max(offset, p.progress.position(partition)), oldest)
			list = append(list, behind{Gap{partition, from, oldest - 1}, committed[partition]})
		}
	}
	return list, nil
}
