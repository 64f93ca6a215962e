package pipeline

import (
	"fmt"
	"strings"

	"github.com/IBM/sarama"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/transaction"
)

// Gap is a range of offsets that expired before they were processed.
type Gap struct {
	Partition int32
	From, To  int64 // inclusive
}

// Offsets is how many they are: at least one.
func (g Gap) Offsets() int64 { return g.To - g.From + 1 }

// ExpiredError is the error of logs that no longer hold what the group has to
// process next.
type ExpiredError struct {
	Topic, Group string
	Gaps         []Gap // at least one, in ascending order
}

func (e *ExpiredError) Error() string {
	var list []string
	for _, g := range e.Gaps {
		list = append(list, fmt.Sprintf("%s/%d: offsets %d to %d (%d)",
			e.Topic, g.Partition, g.From, g.To, g.Offsets()))
	}
	return fmt.Sprintf("%s expired before group %s processed them; "+
		"run `processor run --on-gap accept` to continue without them and record the gap",
		strings.Join(list, "; "), e.Group)
}

// behind is a partition whose committed offset is below the start of its log.
type behind struct {
	Gap             // empty where this process knows that all was processed
	committed int64 // or transaction.NoOffset
}

func (b behind) oldest() int64 { return b.To + 1 }

// passOver brings the partitions to the start of their logs, if that is wanted.
func (s *session) passOver(group sarama.ConsumerGroupSession, list []behind) error {
	refused := &ExpiredError{Topic: s.Input, Group: s.Group}
	for _, b := range list {
		if b.Offsets() > 0 && !s.AcceptGaps {
			refused.Gaps = append(refused.Gaps, b.Gap)
		}
	}
	if len(refused.Gaps) > 0 {
		return refused
	}
	for _, b := range list {
		if err := s.record(group, b); err != nil {
			return fmt.Errorf("record the gap in %s/%d: %w", s.Input, b.Partition, err)
		}
	}
	return nil
}

// record commits the start of the log as the group's offset, in one transaction
// with the letter that tells of the gap. Sarama has read the offset before, so it
// is told where to begin.
func (s *session) record(group sarama.ConsumerGroupSession, b behind) error {
	var letters []*sarama.ProducerMessage
	if b.Offsets() > 0 {
		from := enriched.Source{Topic: s.Input, Partition: b.Partition, Offset: b.From}
		letters = append(letters, deadletter.NewExpired(s.topic.TopicID, from, b.Offsets()).Message(s.DeadLetters))
	}
	err := s.producers[b.Partition].Publish(s.context, letters, transaction.Offset{
		Topic: s.Input, Partition: b.Partition, Previous: b.committed, Next: b.oldest(), Group: s.metadata(group),
	})
	if err != nil {
		return err
	}
	s.progress.committed(b.Partition, b.oldest())
	group.MarkOffset(s.Input, b.Partition, b.oldest(), "")
	if b.Offsets() > 0 {
		s.deadLetters.Add(1)
		s.Metrics.expiredOffsets(b.Offsets())
		s.Log.Warn("offsets expired before they were processed, which is recorded as a gap",
			"topic", s.Input, "partition", b.Partition, "from", b.From, "to", b.To, "offsets", b.Offsets())
	}
	return nil
}
