package pipeline

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"purchases/processor/internal/transaction"
)

const maxBatchBytes = 8 << 20 // of the input, in one transaction

// partitionClaim is the work on one partition during one session.
type partitionClaim struct {
	*session
	producer *transaction.Producer
	position transaction.Offset
}

// process publishes batch after batch until messages is closed or ctx ends.
func (c *partitionClaim) process(ctx context.Context, messages <-chan *sarama.ConsumerMessage) error {
	for {
		batch := c.collect(ctx, messages)
		if len(batch) == 0 {
			return nil
		}
		if err := c.publish(ctx, batch); err != nil {
			return err
		}
	}
}

// collect returns the next batch: as many messages as arrive within the linger
// after the first, within the limits. It is empty at the end.
func (c *partitionClaim) collect(ctx context.Context, messages <-chan *sarama.ConsumerMessage) []*sarama.ConsumerMessage {
	var batch []*sarama.ConsumerMessage
	var full <-chan time.Time
	for size := 0; len(batch) < c.BatchSize && size < maxBatchBytes; {
		select {
		case m, ok := <-messages:
			if !ok {
				return nil
			}
			batch = append(batch, m)
			size += len(m.Key) + len(m.Value)
			if full == nil {
				full = time.After(c.Linger)
			}
		case <-full:
			return batch
		case <-ctx.Done():
			return nil
		}
	}
	return batch
}

func (c *partitionClaim) publish(ctx context.Context, batch []*sarama.ConsumerMessage) error {
	out, letters := c.transform(batch, time.Now())
	c.position.Next = batch[len(batch)-1].Offset + 1
	if err := c.producer.Publish(ctx, out, c.position); err != nil {
		return err
	}
	c.committed.Store(true)
	c.events.Add(int64(len(out) - letters))
	c.deadLetters.Add(int64(letters))
	return nil
}
