package pipeline

import (
	"fmt"
	"maps"
	"slices"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

// explainUnreadable names the batch that cannot be read. Sarama's error does
// not: it is that of a whole response, with several partitions.
func (p *pipeline) explainUnreadable(cause error) error {
	partitions, err := kafka.Partitions(p.client, p.Input)
	if err != nil {
		return fmt.Errorf("%w; its position is unknown: %w", cause, err)
	}
	committed, err := p.committedOffsets(partitions)
	if err != nil {
		return fmt.Errorf("%w; its position is unknown: %w", cause, err)
	}
	for _, partition := range slices.Sorted(maps.Keys(committed)) {
		from := committed[partition]
		if from < 0 {
			if from, err = p.client.GetOffset(p.Input, partition, sarama.OffsetOldest); err != nil {
				continue
			}
		}
		if bad := kafka.FindUnreadable(p.client, p.Input, partition, from); bad != nil {
			return fmt.Errorf("%s/%d: the batch with offsets %d to %d cannot be read: %w; group %s is at offset %d; "+
				"to skip up to the end of that batch, stop the group's members and run "+
				"`kafka-consumer-groups.sh --group %s --topic %s:%d --reset-offsets --to-offset %d --execute`",
				p.Input, partition, bad.First, bad.Next-1, sarama.ErrDecompressedBatchTooLarge, p.Group, from,
				p.Group, p.Input, partition, bad.Next)
		}
	}
	return cause
}
