package pipeline

import (
	"time"

	"github.com/IBM/sarama"
)

const (
	// idle is how long a partition is quiet before what has come of it is
	// published, without waiting for the end of the linger.
	idle = 10 * time.Millisecond

	maxBatchBytes = 4 << 20  // of the input, in one transaction
	maxHeldBytes  = 32 << 20 // of all partitions' batches that are being collected; as much again may be being published
)

// batchBytes is the limit of each of so many partitions' batches. A batch may
// exceed it by one message.
func batchBytes(partitions int) int { return min(maxBatchBytes, maxHeldBytes/partitions) }

// batch is messages for one transaction. It is due when the partition has been
// idle or the linger is over.
type batch struct {
	messages           []*sarama.ConsumerMessage
	bytes              int
	maxCount, maxBytes int
	linger             time.Duration
	timer              *time.Timer // runs from the first message
	begun              time.Time
	seen               int // messages when the timer last ran out
	due                bool
}

func (c *partitionClaim) newBatch() *batch {
	b := &batch{maxCount: c.BatchSize, maxBytes: c.maxBytes, linger: c.Linger, timer: time.NewTimer(0)}
	b.timer.Stop()
	return b
}

func (b *batch) full() bool { return len(b.messages) >= b.maxCount || b.bytes >= b.maxBytes }

func (b *batch) add(m *sarama.ConsumerMessage) {
	if b.messages == nil {
		b.begun = time.Now()
		b.timer.Reset(min(idle, b.linger))
	}
	b.messages = append(b.messages, m)
	b.bytes += len(m.Key) + len(m.Value)
}

// addWaiting adds the messages that are there already.
func (b *batch) addWaiting(in <-chan *sarama.ConsumerMessage) {
	for !b.full() {
		select {
		case m, ok := <-in:
			if !ok {
				return // the next receive says so again
			}
			b.add(m)
		default:
			return
		}
	}
}

// look decides, when the timer has run out, whether to wait on.
func (b *batch) look() {
	left := b.linger - time.Since(b.begun)
	if b.seen == len(b.messages) || left <= 0 {
		b.due = true
		return
	}
	b.seen = len(b.messages)
	b.timer.Reset(min(idle, left))
}
