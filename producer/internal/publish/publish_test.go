package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/producer/internal/publish"
	"purchases/producer/kafka"
)

const (
	topic      = "purchases"
	partitions = 4
)

func newCluster(t testing.TB) (*kfake.Cluster, kafka.Settings) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, kafka.Settings{Bootstrap: cluster.ListenAddrs()}
}

func open(t testing.TB, settings kafka.Settings) *publish.Publisher {
	t.Helper()
	p, err := publish.Open(t.Context(), settings, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// read returns the messages of the topic as a read_committed consumer sees them.
func read(t testing.TB, settings kafka.Settings) []*sarama.ConsumerMessage {
	t.Helper()
	config := settings.Config()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	config.Consumer.MaxWaitTime = 20 * time.Millisecond // Close waits for the fetch under way
	client, err := settings.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	last, err := kafka.LastRecords(client, topic)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	var all []*sarama.ConsumerMessage
	for partition, end := range last {
		all = append(all, readPartition(t, consumer, partition, end)...)
	}
	return all
}

func readPartition(t testing.TB, consumer sarama.Consumer, partition int32,
	last int64) (all []*sarama.ConsumerMessage) {
	t.Helper()
	if last == kafka.NoRecord {
		return nil
	}
	c, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for m := range c.Messages() {
		all = append(all, m)
		if m.Offset >= last {
			break
		}
	}
	return all
}

func TestEachMessageOnceAndInOrder(t *testing.T) {
	_, settings := newCluster(t)
	p := open(t, settings)
	sendNumbered(t, p, 2000)
	wantNumbered(t, read(t, settings), 2000)
}

func TestRepeatedRequestsStoreNothingTwice(t *testing.T) {
	cluster, settings := newCluster(t)
	p := open(t, settings)
	cluster.ControlKey(int16(kmsg.Produce), refuseEach(cluster, 3))
	sendNumbered(t, p, 5000)
	wantNumbered(t, read(t, settings), 5000)
}

// refuseEach answers each nth request with an error that is worth a retry.
func refuseEach(cluster *kfake.Cluster, n int) func(kmsg.Request) (kmsg.Response, error, bool) {
	seen := 0
	return func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if seen++; seen%n != 1 {
			return nil, nil, false
		}
		return refuse(request, kerr.NotEnoughReplicas), nil, true
	}
}

func refuse(request kmsg.Request, cause *kerr.Error) kmsg.Response {
	produce := request.(*kmsg.ProduceRequest)
	response := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, rt := range produce.Topics {
		st := kmsg.NewProduceResponseTopic()
		st.Topic, st.TopicID = rt.Topic, rt.TopicID
		for _, rp := range rt.Partitions {
			sp := kmsg.NewProduceResponseTopicPartition()
			sp.Partition, sp.ErrorCode = rp.Partition, cause.Code
			st.Partitions = append(st.Partitions, sp)
		}
		response.Topics = append(response.Topics, st)
	}
	return response
}

// sendNumbered sends n messages with ten keys, each key's in ascending order.
func sendNumbered(t *testing.T, p *publish.Publisher, n int) {
	t.Helper()
	for i := range n {
		if err := p.Send(t.Context(), fmt.Appendf(nil, "user-%d", i%10), fmt.Appendf(nil, "%06d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := p.Delivered(); got != int64(n) {
		t.Errorf("Delivered = %d, want %d", got, n)
	}
}

func wantNumbered(t *testing.T, got []*sarama.ConsumerMessage, n int) {
	t.Helper()
	if len(got) != n {
		t.Errorf("%d messages are stored, want %d", len(got), n)
	}
	latest, partition := map[string]string{}, map[string]int32{}
	for _, m := range got {
		key, value := string(m.Key), string(m.Value)
		if value <= latest[key] {
			t.Fatalf("key %s: %s stands after %s", key, value, latest[key])
		}
		if latest[key] != "" && partition[key] != m.Partition {
			t.Fatalf("key %s is in partitions %d and %d", key, partition[key], m.Partition)
		}
		latest[key], partition[key] = value, m.Partition
	}
}

func TestNilKeyGoesToAllPartitions(t *testing.T) {
	_, settings := newCluster(t)
	p := open(t, settings)
	for range 200 {
		if err := p.Send(t.Context(), nil, []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[int32]bool{}
	for _, m := range read(t, settings) {
		if m.Key != nil {
			t.Fatalf("key %q, want none", m.Key)
		}
		seen[m.Partition] = true
	}
	if len(seen) != partitions {
		t.Errorf("%d partitions have messages, want %d", len(seen), partitions)
	}
}

func TestTooLargeIsReported(t *testing.T) {
	_, settings := newCluster(t)
	p := open(t, settings)
	for _, size := range []int{10, 2 << 20, 40 << 20, 10} {
		if err := p.Send(t.Context(), []byte("k"), bytes.Repeat([]byte("v"), size)); err != nil {
			t.Fatal(err)
		}
	}
	wantDeliveryError(t, p.Close(), 2, 2)
	if got := len(read(t, settings)); got != 2 {
		t.Errorf("%d messages are stored, want 2", got)
	}
}

func TestRefusedMessagesAreCounted(t *testing.T) {
	cluster, settings := newCluster(t)
	p := open(t, settings)
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return refuse(request, kerr.TopicAuthorizationFailed), nil, true
	})
	for range 3 {
		if err := p.Send(t.Context(), []byte("k"), []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	err := p.Close()
	wantDeliveryError(t, err, 3, 0)
	if !errors.Is(err, sarama.ErrTopicAuthorizationFailed) {
		t.Errorf("error %v hides its cause", err)
	}
}

func wantDeliveryError(t *testing.T, err error, failed, delivered int64) {
	t.Helper()
	var delivery *publish.DeliveryError
	if !errors.As(err, &delivery) || delivery.Failed != failed || delivery.Delivered != delivered {
		t.Fatalf("Close = %v, want %d failed and %d delivered", err, failed, delivered)
	}
}

// Send waits for a broker that does not keep up, and memory stays bounded.
func TestSendBlocksUntilItsContextEnds(t *testing.T) {
	cluster, settings := newCluster(t)
	p := open(t, settings)
	release := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		<-release
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	sent, value := 0, bytes.Repeat([]byte("v"), 512<<10)
	var err error
	for ; err == nil; sent++ {
		err = p.Send(ctx, []byte("k"), value)
	}
	close(release)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Send = %v", err)
	}
	if sent > 70 {
		t.Errorf("%d messages of 512 KiB wait for their acknowledgement, want at most 64", sent)
	}
	if err := p.Close(); err != nil || p.Delivered() != int64(sent-1) {
		t.Errorf("Close = %v, %d delivered, want %d", err, p.Delivered(), sent-1)
	}
}

func TestOpenErrors(t *testing.T) {
	_, settings := newCluster(t)
	if _, err := publish.Open(t.Context(), settings, "nowhere"); !errors.Is(err, kafka.ErrNoTopic) {
		t.Errorf("missing topic: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	settings.Bootstrap = []string{listener.Addr().String()}
	if _, err := publish.Open(t.Context(), settings, topic); err == nil {
		t.Error("opened a cluster that does not run")
	}
}

func TestNewWantsItsConfiguration(t *testing.T) {
	_, settings := newCluster(t)
	client, err := settings.Connect(t.Context(), settings.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, err := publish.New(client, topic); err == nil {
		t.Error("New accepted a client without idempotence")
	}
}

// BenchmarkSend publishes events of a usual size to a broker in the same process.
func BenchmarkSend(b *testing.B) {
	_, settings := newCluster(b)
	p := open(b, settings)
	value := bytes.Repeat([]byte("0123456789abcdef"), 16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := p.Send(b.Context(), fmt.Appendf(nil, "user-%d", i%1000), value); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
