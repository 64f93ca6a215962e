package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// claimOf is a claim of one partition whose batches nobody publishes.
func claimOf(messages chan *sarama.ConsumerMessage, s Settings,
	maxBytes int) (*partitionClaim, chan []*sarama.ConsumerMessage) {
	return &partitionClaim{session: &session{pipeline: &pipeline{Settings: s}}, messages: messages, maxBytes: maxBytes},
		make(chan []*sarama.ConsumerMessage)
}

// While a transaction is under way, what waits for the next one is bounded by
// its bytes.
func TestCollectingStopsAtTheLimit(t *testing.T) {
	const size, limit = 1 << 20, 4
	messages := make(chan *sarama.ConsumerMessage)
	c, batches := claimOf(messages, Settings{BatchSize: 1000, Linger: time.Minute}, limit*size)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go c.collect(ctx, batches)
	big := &sarama.ConsumerMessage{Value: make([]byte, size)}
	for range limit {
		messages <- big
	}
	select {
	case messages <- big:
		t.Errorf("took more than %d messages of %d bytes", limit, size)
	case <-time.After(10 * idle):
	}
	if got := <-batches; len(got) != limit {
		t.Errorf("a batch of %d, want %d", len(got), limit)
	}
	messages <- big // there is room again
}

func TestBatchEndsWhenThePartitionIsIdle(t *testing.T) {
	messages := make(chan *sarama.ConsumerMessage, 3)
	c, batches := claimOf(messages, Settings{BatchSize: 1000, Linger: time.Hour}, 1<<20)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for range 3 {
		messages <- &sarama.ConsumerMessage{}
	}
	go c.collect(ctx, batches)
	if got := <-batches; len(got) != 3 { // and not after an hour
		t.Errorf("a batch of %d, want 3", len(got))
	}
}

func TestBatchEndsWithTheLinger(t *testing.T) {
	messages := make(chan *sarama.ConsumerMessage)
	c, batches := claimOf(messages, Settings{BatchSize: 1 << 30, Linger: 4 * idle}, 1<<30)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go c.collect(ctx, batches)
	for {
		select {
		case messages <- &sarama.ConsumerMessage{}: // never idle
		case got := <-batches:
			if len(got) == 0 {
				t.Error("an empty batch")
			}
			return
		}
	}
}

func TestBatchBytesOfManyPartitions(t *testing.T) {
	for partitions, want := range map[int]int{1: maxBatchBytes, 8: maxBatchBytes, 64: maxHeldBytes / 64,
		1000: maxHeldBytes / 1000} {
		if got := batchBytes(partitions); got != want {
			t.Errorf("%d partitions: %d, want %d", partitions, got, want)
		}
	}
}
