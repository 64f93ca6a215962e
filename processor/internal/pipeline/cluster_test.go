package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

const (
	group      = "processor"
	partitions = 4
	patience   = 60 * time.Second // a test that takes longer hangs
)

// cluster is an embedded broker with the three topics.
type cluster struct {
	pending []*sarama.ProducerMessage // of buffer
	runs    string                    // one letter for each group
	*kfake.Cluster
	t        testing.TB
	settings kafka.Settings
	client   sarama.Client
	values   int // made so far
}

func newCluster(t testing.TB, options ...kfake.Opt) *cluster {
	t.Helper()
	options = append([]kfake.Opt{
		kfake.NumBrokers(1),
		kfake.SeedTopics(partitions, purchase.Topic, enriched.Topic, deadletter.Topic),
	}, options...)
	broker, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	c := &cluster{Cluster: broker, t: t, settings: kafka.Settings{Bootstrap: broker.ListenAddrs(), ClientID: "test"}}
	config := c.settings.Config()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	config.Consumer.MaxWaitTime = 10 * time.Millisecond
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Compression = sarama.CompressionLZ4
	config.Producer.Idempotent, config.Net.MaxOpenRequests = true, 1 // a slow machine makes the client try again
	if c.client, err = c.settings.Connect(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.client.Close() })
	return c
}

func (c *cluster) run() Settings {
	return Settings{
		Kafka: c.settings, Group: group,
		Input: purchase.Topic, Output: enriched.Topic, DeadLetters: deadletter.Topic,
		Linger: 5 * time.Millisecond, BatchSize: 50, Log: testLog(c.t),
	}
}

func (c *cluster) drain() Settings {
	s := c.run()
	s.Drain = true
	return s
}

// mustDrain processes all that the input holds.
func (c *cluster) mustDrain() Totals {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	totals, err := Run(ctx, c.drain())
	if err != nil {
		c.t.Fatalf("drain: %v", err)
	}
	return totals
}

// start runs a processor in the background. Stop ends it and waits.
func start(t testing.TB, s Settings) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		_, err := Run(ctx, s)
		result <- err
	}()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-result:
			return err
		case <-time.After(patience):
			return fmt.Errorf("the processor does not stop")
		}
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// produce writes count good purchases of a few users.
func (c *cluster) produce(count int) {
	c.t.Helper()
	messages := make([]*sarama.ProducerMessage, count)
	for i := range messages {
		user := fmt.Sprintf("user-%d", c.values%17)
		messages[i] = message(user, fmt.Sprintf(
			`{"event_id":"e-%06d","user":%q,"item":"tea","quantity":%d,"unit_price":"2.50","timestamp":"2026-01-02T03:04:05Z"}`,
			c.values, user, c.values+1))
		c.values++
	}
	c.send(messages...)
}

func message(key, value string) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Topic: purchase.Topic, Key: sarama.StringEncoder(key),
		Value: sarama.StringEncoder(value)}
}

func (c *cluster) send(messages ...*sarama.ProducerMessage) {
	c.t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(c.client)
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.SendMessages(messages); err != nil {
		c.t.Fatal(err)
	}
}

// read returns what a read_committed consumer finds on the topic, each
// partition in its order.
func (c *cluster) read(topic string) []*sarama.ConsumerMessage {
	c.t.Helper()
	last, err := kafka.LastRecords(c.client, topic)
	if err != nil {
		c.t.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(c.client)
	if err != nil {
		c.t.Fatal(err)
	}
	defer consumer.Close()
	var wg sync.WaitGroup
	byPartition := make([][]*sarama.ConsumerMessage, len(last))
	for partition, offset := range last {
		if offset != kafka.NoRecord {
			wg.Go(func() { byPartition[partition] = c.readTo(consumer, topic, partition, offset) })
		}
	}
	wg.Wait()
	return slices.Concat(byPartition...)
}

func (c *cluster) readTo(consumer sarama.Consumer, topic string, partition int32,
	last int64) []*sarama.ConsumerMessage {
	claim, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	defer claim.AsyncClose()
	var messages []*sarama.ConsumerMessage
	for timeout := time.After(patience); ; {
		select {
		case m := <-claim.Messages():
			messages = append(messages, m)
			if m.Offset >= last {
				return messages
			}
		case <-timeout:
			c.t.Errorf("%s/%d: read %d messages, not up to offset %d", topic, partition, len(messages), last)
			return messages
		}
	}
}

// checkExactlyOnce compares all that was produced with all that came out: each
// input stands for one output, and the order per user is kept.
func (c *cluster) checkExactlyOnce() {
	c.t.Helper()
	c.checkEachOnce()
	lastQuantity := map[string]int64{}
	for _, m := range c.read(enriched.Topic) {
		e, err := enriched.Decode(m.Value, time.Now())
		if err != nil {
			c.t.Fatal(err)
		}
		if e.Quantity <= lastQuantity[e.User] {
			c.t.Errorf("user %s: quantity %d after %d", e.User, e.Quantity, lastQuantity[e.User])
		}
		lastQuantity[e.User] = e.Quantity
	}
}

// checkEachOnce is checkExactlyOnce without the order.
func (c *cluster) checkEachOnce() {
	c.t.Helper()
	sources := map[enriched.Source]bool{}
	for _, m := range c.read(enriched.Topic) {
		e, err := enriched.Decode(m.Value, time.Now())
		if err != nil {
			c.t.Fatal(err)
		}
		if sources[e.Source] {
			c.t.Errorf("%s came out twice", e.Source)
		}
		sources[e.Source] = true
	}
	for _, m := range c.read(purchase.Topic) {
		if source := (enriched.Source{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset}); !sources[source] {
			c.t.Errorf("%s did not come out", source)
		}
	}
	if len(sources) != c.values {
		c.t.Errorf("%d events came out, want %d", len(sources), c.values)
	}
}

// waitFor waits until the output has at least count events.
func (c *cluster) waitFor(count int) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d events come out", count), func() bool { return len(c.read(enriched.Topic)) >= count })
}

func (c *cluster) eventually(what string, happened func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// logLines collects what a processor logs.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(b))
	return len(b), nil
}

func (l *logLines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// find is the first line with the text.
func (l *logLines) find(text string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.lines, func(line string) bool { return strings.Contains(line, text) })
	return l.lines[i]
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
