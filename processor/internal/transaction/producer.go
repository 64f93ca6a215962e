// Package transaction publishes a batch of messages together with the input
// offset that they stand for, in one Kafka transaction: either all of it
// becomes visible to read_committed readers, or none of it.
//
// A Producer belongs to one input partition. Its transactional id is always
// the same for that partition, so opening one ends what an earlier owner, dead
// or alive, had in hand. It does not recover: after an error the Producer is
// closed, and the caller reads the committed offset again before it continues.
package transaction

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
	"purchases/producer/testkit/crashpoint"
)

const (
	// Timeout is how long the broker keeps a transaction open, and how long
	// its end may take. A batch takes well under a second; a longer timeout
	// would only make readers wait longer for what a dead process left open.
	Timeout = 10 * time.Second

	// MaxMessage is how many bytes a message may have with its key and
	// headers: Kafka's default limit of a batch, message.max.bytes, is a
	// little above it.
	MaxMessage = 1 << 20

	requestTimeout = 10 * time.Second // of one request; ends a hanging transaction no later than Timeout does
	ackTimeout     = 5 * time.Second
	retryBackoff   = 20 * time.Millisecond
	maxRetries     = 50 // one second: what a coordinator takes to finish the transaction before
	flushFrequency = 5 * time.Millisecond
	flushBytes     = 1 << 20
	channelBuffer  = 1024 // messages
)

// Errors of a Producer that must not be used again.
var (
	// ErrFenced means that another process has opened the same partition, or
	// that the broker has ended a transaction that took longer than Timeout.
	ErrFenced = fmt.Errorf("another processor has taken over this partition, or the transaction took longer than %s",
		Timeout)
	// ErrRepeated means that a request to end the transaction was sent more
	// than once. A late copy could end the next transaction in its place, so
	// this Producer must not begin one. Whether the transaction was committed
	// is what the committed offset says.
	ErrRepeated = errors.New("the commit or abort of the transaction had to be sent again")
)

// NoOffset is the committed offset of a group that has committed none.
const NoOffset int64 = -1

// Offset is a position of the input, to be committed for the group's member.
type Offset struct {
	Topic     string
	Partition int32
	// Previous is the committed offset that Next takes the place of, or
	// NoOffset. Only the first Publish of a Producer looks at it: after
	// that the Producer has committed it itself.
	Previous int64
	// Next is the offset of the next message to read.
	Next int64
	// Group holds the member and generation that the claim was made with, so
	// that the broker refuses a member that has lost the partition since.
	Group *sarama.ConsumerGroupMetadata
}

// Producer publishes transactions under one transactional id. Its methods are
// for one goroutine.
type Producer struct {
	id      string
	client  *offsetVerifyingClient
	async   sarama.AsyncProducer
	drained chan struct{}
	retried atomic.Bool
	first   bool              // nothing is committed yet
	step    func(name string) // crashpoint.At, or what a test does there
}

// Open returns a Producer for the transactional id. When it returns, every
// earlier Producer with this id is fenced, its open transaction is aborted,
// and offsets that it had not committed never will be.
func Open(ctx context.Context, settings kafka.Settings, id string) (*Producer, error) {
	p := &Producer{id: id, drained: make(chan struct{}), step: crashpoint.At, first: true}
	client, err := settings.Connect(ctx, p.config(settings))
	if err != nil {
		return nil, err
	}
	p.client = &offsetVerifyingClient{Client: client}
	if p.async, err = sarama.NewAsyncProducerFromClient(p.client); err != nil {
		_ = p.client.Close()
		return nil, fmt.Errorf("open the transactional id %s: %w", id, err)
	}
	go p.drain()
	return p, nil
}

func (p *Producer) config(settings kafka.Settings) *sarama.Config {
	c := settings.Config()
	c.ChannelBufferSize = channelBuffer
	c.Net.MaxOpenRequests = 1
	c.Net.ReadTimeout = requestTimeout
	c.Net.WriteTimeout = requestTimeout
	c.Metadata.Retry.Max = 1 // the transaction's own retries multiply it
	c.Metadata.Retry.Backoff = retryBackoff
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Timeout = ackTimeout
	c.Producer.Compression = sarama.CompressionLZ4
	c.Producer.Partitioner = sarama.NewHashPartitioner
	c.Producer.MaxMessageBytes = MaxMessage
	c.Producer.Flush.Frequency = flushFrequency
	c.Producer.Flush.Bytes = flushBytes
	c.Producer.Return.Successes = true
	c.Producer.Return.Errors = true
	c.Producer.Transaction.ID = p.id
	c.Producer.Transaction.Timeout = Timeout
	c.Producer.Transaction.Retry.Max = maxRetries
	c.Producer.Transaction.Retry.BackoffFunc = func(int, int) time.Duration {
		p.retried.Store(true)
		if p.client.err != nil || p.client.Closed() {
			return 0 // sarama tries in vain, let it be quick
		}
		return retryBackoff
	}
	return c
}

// Publish sends the messages and commits the offset, in one transaction. When
// it returns nil, all of it is committed. After any error the Producer must be
// closed; then the committed offset alone says what has happened. A cancelled
// ctx aborts the transaction, unless its commit has begun.
func (p *Producer) Publish(ctx context.Context, messages []*sarama.ProducerMessage, offset Offset) error {
	err := p.publish(ctx, messages, offset)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sarama.ErrProducerFenced), errors.Is(err, sarama.ErrInvalidProducerEpoch):
		return fmt.Errorf("transaction of %s: %w", p.id, ErrFenced)
	}
	p.abort()
	return fmt.Errorf("transaction of %s: %w", p.id, err)
}

// PublishAlone is Publish without an input offset, for messages that stand for
// no input.
func (p *Producer) PublishAlone(ctx context.Context, messages []*sarama.ProducerMessage) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err := p.async.BeginTxn()
	if err == nil {
		err = p.send(ctx, messages)
	}
	if err == nil {
		err = p.end(p.async.CommitTxn)
	}
	if err != nil {
		p.abort()
		return fmt.Errorf("transaction of %s: %w", p.id, err)
	}
	return nil
}

func (p *Producer) publish(ctx context.Context, messages []*sarama.ProducerMessage, offset Offset) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	p.step("processor.begin.before")
	if err := p.async.BeginTxn(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	p.step("processor.begin.after")
	if err := p.send(ctx, messages); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	p.step("processor.offsets.before")
	if err := p.async.AddOffsetsToTxnWithGroupMetadata(offset.request(), offset.Group); err != nil {
		return fmt.Errorf("add offset: %w", err)
	}
	p.step("processor.offsets.after")
	p.step("processor.commit.before")
	if err := p.commit(offset); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	p.step("processor.commit.after")
	return nil
}

func (o Offset) request() map[string][]*sarama.PartitionOffsetMetadata {
	return map[string][]*sarama.PartitionOffsetMetadata{
		o.Topic: {{Partition: o.Partition, Offset: o.Next}},
	}
}

func (p *Producer) commit(offset Offset) error {
	if p.first {
		p.client.expect(&offset)
		defer p.client.expect(nil)
	}
	if err := p.end(p.async.CommitTxn); err != nil {
		return err
	}
	p.first = false
	return nil
}

// end runs sarama's CommitTxn or AbortTxn, which no context can stop: closing
// the client's connections does.
func (p *Producer) end(commitOrAbort func() error) error {
	watchdog := time.AfterFunc(Timeout, func() { _ = p.client.Close() })
	defer watchdog.Stop()
	p.retried.Store(false)
	if err := commitOrAbort(); err != nil {
		return err
	}
	if p.retried.Load() {
		return ErrRepeated
	}
	return nil
}

// abort ends a transaction that is still open, so that readers do not wait for
// it. Where that fails, the next owner or the broker's timeout ends it. After
// a commit whose outcome is unknown there is nothing to abort.
func (p *Producer) abort() {
	const open = sarama.ProducerTxnFlagInTransaction | sarama.ProducerTxnFlagAbortableError
	if p.async.TxnStatus()&open != 0 {
		_ = p.end(p.async.AbortTxn)
	}
}

// Close releases the connections. It does not end an open transaction. The
// client goes first, so that nothing is sent or waited for any more.
func (p *Producer) Close() {
	_ = p.client.Close()
	p.async.AsyncClose()
	<-p.drained
}
