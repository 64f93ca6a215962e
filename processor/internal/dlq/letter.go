package dlq

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
)

// Position is where a letter stands on the dead-letter topic.
type Position struct {
	Partition int32
	Offset    int64
}

// String writes the position as partition/offset.
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Partition, p.Offset) }

// ParsePosition reads what [Position.String] writes.
func ParsePosition(text string) (Position, error) {
	partition, offset, _ := strings.Cut(text, "/")
	p, errPartition := strconv.ParseUint(partition, 10, 31)
	o, errOffset := strconv.ParseUint(offset, 10, 63)
	if errPartition != nil || errOffset != nil {
		return Position{}, fmt.Errorf("%.60q is not the position of a dead letter; write it as PARTITION/OFFSET, such as 0/17", text)
	}
	return Position{int32(p), int64(o)}, nil
}

// Letter is a dead letter at its position.
type Letter struct {
	deadletter.Letter
	Position   Position
	RejectedAt time.Time // when the processor wrote it
}

// Filter chooses letters. The zero value chooses all.
type Filter struct {
	Reasons      []string          // any of them
	Positions    []Position        // any of them
	Sources      []enriched.Source // positions on the topic of purchases, any of them
	Since, Until time.Time         // RejectedAt from Since on and before Until
}

func (f *Filter) matches(l *Letter) bool {
	switch {
	case len(f.Reasons) > 0 && !slices.Contains(f.Reasons, string(l.Reason)),
		len(f.Positions) > 0 && !slices.Contains(f.Positions, l.Position),
		len(f.Sources) > 0 && !slices.Contains(f.Sources, l.Source),
		!f.Since.IsZero() && l.RejectedAt.Before(f.Since),
		!f.Until.IsZero() && !l.RejectedAt.Before(f.Until):
		return false
	}
	return true
}

// Each hands every letter of the topic that the filter chooses to use, in the
// order of partition and offset. A record that is no dead letter of ours is
// counted and passed over.
func Each(ctx context.Context, client sarama.Client, topic string, f Filter,
	use func(*Letter) error) (foreign int64, err error) {
	err = scan(ctx, client, topic, func(m *sarama.ConsumerMessage) error {
		parsed, err := deadletter.Parse(m)
		if err != nil {
			foreign++
			return nil
		}
		l := &Letter{parsed, Position{m.Partition, m.Offset}, m.Timestamp.UTC()}
		if !f.matches(l) {
			return nil
		}
		return use(l)
	})
	return foreign, err
}

// Summary is one reason's share of the letters.
type Summary struct {
	Reason      string
	Letters     int64
	First, Last time.Time // RejectedAt of the first and the last
	Detail      string    // of the first
}

// Summarize counts the letters by reason, the most frequent first.
func Summarize(ctx context.Context, client sarama.Client, topic string,
	f Filter) (list []Summary, foreign int64, err error) {
	byReason := map[string]*Summary{}
	foreign, err = Each(ctx, client, topic, f, func(l *Letter) error {
		s := byReason[string(l.Reason)]
		if s == nil {
			s = &Summary{Reason: string(l.Reason), First: l.RejectedAt, Last: l.RejectedAt, Detail: l.Detail}
			byReason[s.Reason] = s
		}
		s.add(l)
		return nil
	})
	for _, s := range byReason {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Summary) int {
		if a.Letters != b.Letters {
			return int(b.Letters - a.Letters)
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	return list, foreign, err
}

func (s *Summary) add(l *Letter) {
	s.Letters++
	if l.RejectedAt.Before(s.First) {
		s.First = l.RejectedAt
	}
	if l.RejectedAt.After(s.Last) {
		s.Last = l.RejectedAt
	}
}
