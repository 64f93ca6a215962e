// Package publish sends messages to a topic so that each is stored once and in
// the order of its partition, however often a request has to be repeated, and
// counts what was acknowledged and what was not.
//
// It does not decide what a message says, and does not use transactions.
package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/semaphore"

	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

const (
	maxInFlight    = 32 << 20 // bytes that are sent but not acknowledged
	overhead       = 256      // bytes of memory that a message takes besides key and value
	channelBuffer  = 4096     // messages
	flushBytes     = 1 << 20
	flushMessages  = 16_384
	flushFrequency = 5 * time.Millisecond
	maxBackoff     = 2 * time.Second
	maxRetries     = 60 // with the backoff, about two minutes: Kafka's delivery.timeout.ms
)

// Configure sets on c what the guarantee needs: idempotence and acknowledgement
// by all replicas; and lz4, a partition by the key's hash and batches for
// throughput. It returns c.
func Configure(c *sarama.Config) *sarama.Config {
	c.Net.MaxOpenRequests = 1
	c.ChannelBufferSize = channelBuffer
	c.Metadata.Retry.Max = maxRetries
	c.Metadata.Retry.BackoffFunc = backoff
	p := &c.Producer
	p.Idempotent = true
	p.RequiredAcks = sarama.WaitForAll
	p.Compression = sarama.CompressionLZ4
	p.Partitioner = sarama.NewHashPartitioner
	p.MaxMessageBytes = purchase.MaxValue
	p.Retry.Max = maxRetries
	p.Retry.BackoffFunc = backoff
	p.Flush.Bytes = flushBytes
	p.Flush.MaxMessages = flushMessages
	p.Flush.Frequency = flushFrequency
	p.Return.Successes = true
	p.Return.Errors = true
	return c
}

func backoff(retries, _ int) time.Duration {
	return min(100*time.Millisecond<<min(retries, 8), maxBackoff)
}

// DeliveryError says how many messages were not acknowledged.
type DeliveryError struct {
	// Failed messages were not acknowledged. The cluster may have stored one
	// of them all the same, if only its acknowledgement was lost.
	Failed int64
	// Delivered messages were acknowledged.
	Delivered int64
	// First is the cause of the first failure.
	First error
}

func (e *DeliveryError) Error() string {
	return fmt.Sprintf("%d messages were not delivered, %d were: %v", e.Failed, e.Delivered, e.First)
}

func (e *DeliveryError) Unwrap() error { return e.First }

// Publisher sends messages with idempotence and acks=all. Its methods may be
// called from several goroutines, but not Send after Close.
type Publisher struct {
	topic     string
	producer  sarama.AsyncProducer
	client    sarama.Client // to close, or nil
	space     *semaphore.Weighted
	drains    sync.WaitGroup
	closing   sync.Once
	delivered atomic.Int64
	failed    atomic.Int64
	bytes     atomic.Int64 // of what was delivered
	retries   *atomic.Int64
	batches   batchCount
	first     error // written by one goroutine, read after drains.Wait
}

// Open connects to the cluster and returns a publisher for a topic that exists.
func Open(ctx context.Context, settings kafka.Settings, topic string) (*Publisher, error) {
	if err := findTopic(ctx, settings, topic); err != nil {
		return nil, err
	}
	config, retries := Configure(settings.Config()), new(atomic.Int64)
	config.Producer.Retry.BackoffFunc = func(n, most int) time.Duration {
		retries.Add(1)
		return backoff(n, most)
	}
	client, err := settings.Connect(ctx, config)
	if err != nil {
		return nil, err
	}
	p, err := New(client, topic)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	p.client, p.retries = client, retries
	return p, nil
}

// findTopic asks without the retries of [Configure], which would wait minutes
// for a topic whose name is wrong.
func findTopic(ctx context.Context, settings kafka.Settings, topic string) error {
	client, err := settings.Connect(ctx, settings.Config())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	_, err = kafka.Partitions(client, topic)
	return err
}

// New returns a publisher for the topic. The client was built with [Configure];
// it stays the caller's to close, after the publisher.
func New(client sarama.Client, topic string) (*Publisher, error) {
	if !client.Config().Producer.Idempotent {
		return nil, errors.New("publish: the client's configuration lacks publish.Configure")
	}
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return nil, fmt.Errorf("start an idempotent producer for topic %q: %w", topic, err)
	}
	p := &Publisher{topic: topic, producer: producer, space: semaphore.NewWeighted(maxInFlight)}
	p.retries = new(atomic.Int64)
	p.batches.registry = client.Config().MetricRegistry
	p.drains.Go(p.drainSuccesses)
	p.drains.Go(p.drainErrors)
	return p, nil
}

// Send hands a message to the producer. A nil key goes to any partition; a key
// keeps its messages in order. The slices must not change afterwards. Send
// blocks while 32 MiB wait for their acknowledgement, and fails only when ctx
// ends; whether the message was delivered is known after Close.
func (p *Publisher) Send(ctx context.Context, key, value []byte) error {
	m := newMessage(p.topic, key, value)
	if err := p.space.Acquire(ctx, size(m)); err != nil {
		return err
	}
	select {
	case p.producer.Input() <- m:
		return nil
	case <-ctx.Done():
		p.space.Release(size(m))
		return ctx.Err()
	}
}

// message is one of sarama's with the memory for its key and value.
type message struct {
	sarama.ProducerMessage
	key, value kafka.Text
}

func newMessage(topic string, key, value []byte) *sarama.ProducerMessage {
	m := &message{key: key, value: value}
	m.Topic, m.Value = topic, &m.value
	if key != nil {
		m.Key = &m.key
	}
	return &m.ProducerMessage
}

func size(m *sarama.ProducerMessage) int64 { return min(overhead+payload(m), maxInFlight) }

// payload is the bytes of key and value.
func payload(m *sarama.ProducerMessage) int64 {
	n := m.Value.Length()
	if m.Key != nil {
		n += m.Key.Length()
	}
	return int64(n)
}

func (p *Publisher) drainSuccesses() {
	for m := range p.producer.Successes() {
		p.delivered.Add(1)
		p.bytes.Add(payload(m))
		p.space.Release(size(m))
	}
}

func (p *Publisher) drainErrors() {
	for e := range p.producer.Errors() {
		if p.failed.Add(1) == 1 {
			p.first = e.Err
		}
		p.space.Release(size(e.Msg))
	}
}

// Delivered is how many messages were acknowledged so far.
func (p *Publisher) Delivered() int64 { return p.delivered.Load() }

// Close waits until every message is acknowledged or has failed. Its error is a
// [*DeliveryError] when any failed.
func (p *Publisher) Close() error {
	p.closing.Do(p.finish)
	p.drains.Wait()
	if p.client != nil {
		_ = p.client.Close() // fails only when it is closed already
	}
	if failed := p.failed.Load(); failed > 0 {
		return &DeliveryError{Failed: failed, Delivered: p.delivered.Load(), First: p.first}
	}
	return nil
}

// finish waits for all space to be free, hence nothing in flight, before it
// stops the producer: one that stops gives up messages that wait to be sent
// again. Its own Close would take the acknowledgements.
func (p *Publisher) finish() {
	_ = p.space.Acquire(context.Background(), maxInFlight) // fails only with its context
	p.producer.AsyncClose()
}
