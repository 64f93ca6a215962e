package pipeline

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"purchases/processor/internal/transaction"
)

// partitionClaim is the work on one partition during one session.
type partitionClaim struct {
	*session
	producer *transaction.Producer
	position transaction.Offset
	messages <-chan *sarama.ConsumerMessage
	maxBytes int // of the input, in one transaction
}

// process publishes batch after batch until there are no more messages or ctx
// ends. While one is published the next is collected, so that what comes during
// a transaction is the next one.
func (c *partitionClaim) process(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	batches := make(chan []*sarama.ConsumerMessage)
	go c.collect(ctx, batches)
	defer func() {
		stop()
		for range batches { // until it is closed
		}
	}()
	for batch := range batches {
		if err := c.publish(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// collect makes batches until there are no more messages or ctx ends. What is
// not a batch by then stays for the next session.
func (c *partitionClaim) collect(ctx context.Context, batches chan<- []*sarama.ConsumerMessage) {
	defer close(batches)
	b := c.newBatch()
	defer func() { b.timer.Stop() }()
	for {
		in, out := c.messages, chan<- []*sarama.ConsumerMessage(nil)
		if b.full() {
			in = nil
		}
		if b.due || b.full() {
			out = batches
		}
		select {
		case m, ok := <-in:
			if !ok {
				return
			}
			b.add(m)
			b.addWaiting(in)
		case <-b.timer.C:
			b.look()
		case out <- b.messages:
			b.timer.Stop()
			b = c.newBatch()
		case <-ctx.Done():
			return
		}
	}
}

// publish publishes a batch in one transaction, or in several where it has to wait
// for the schema of a message.
func (c *partitionClaim) publish(ctx context.Context, batch []*sarama.ConsumerMessage) error {
	end, in := batch[len(batch)-1].Offset+1, c.unprocessed(batch)
	for {
		out, letters := c.transform(c.topic.TopicID, in, time.Now())
		next := end
		if len(out) < len(in) {
			next = in[len(out)].Offset
		}
		if len(out) > 0 || next == end {
			if err := c.commit(ctx, in[:len(out)], out, letters, next); err != nil {
				return err
			}
		}
		if in = in[len(out):]; len(in) == 0 {
			return nil
		}
		if err := c.schemas.Fetch(ctx, in); err != nil {
			return err
		}
	}
}

// commit publishes the results of the messages in, which end before the offset next.
func (c *partitionClaim) commit(
	ctx context.Context, in []*sarama.ConsumerMessage, out []*sarama.ProducerMessage, letters int, next int64,
) error {
	c.position.Next = max(c.position.Next, next)
	if err := c.verifyTopic(); err != nil {
		return err
	}
	begun := time.Now()
	if err := c.producer.Publish(ctx, out, c.position); err != nil {
		return err
	}
	c.Metrics.published(in, out, letters, time.Since(begun))
	c.committed.Store(true)
	c.progress.committed(c.position.Partition, c.position.Next)
	c.events.Add(int64(len(out) - letters))
	c.deadLetters.Add(int64(letters))
	return nil
}

// unprocessed leaves out the messages whose results are committed. When that is
// the whole batch, publishing nothing brings the group's offset forward again.
func (c *partitionClaim) unprocessed(batch []*sarama.ConsumerMessage) []*sarama.ConsumerMessage {
	first := batch[0].Offset
	for len(batch) > 0 && batch[0].Offset < c.position.Next {
		batch = batch[1:]
	}
	if first < c.position.Next {
		c.Log.Warn("the group's offset was lost; skipping records that this process has committed; to process them again, "+
			"restart all members",
			"topic", c.position.Topic, "partition", c.position.Partition, "offset", first, "committed", c.position.Next)
	}
	return batch
}
