package kafka_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/producer/kafka"
)

const topic = "log"

// newBroker runs a broker with the topic in two partitions.
func newBroker(t *testing.T) kafka.Settings {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return kafka.Settings{Bootstrap: cluster.ListenAddrs(), ClientID: "test"}
}

func connect(t *testing.T, settings kafka.Settings) sarama.Client {
	t.Helper()
	client, err := settings.Connect(t.Context(), settings.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// writer produces to partition 0; with an id, in transactions.
type writer struct {
	t *testing.T
	sarama.SyncProducer
}

func newWriter(t *testing.T, settings kafka.Settings, id string) writer {
	t.Helper()
	c := settings.Config()
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Return.Successes = true
	if id != "" {
		c.Producer.Idempotent = true
		c.Producer.RequiredAcks = sarama.WaitForAll
		c.Net.MaxOpenRequests = 1
		c.Producer.Transaction.ID = id
	}
	p, err := sarama.NewSyncProducer(settings.Bootstrap, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return writer{t: t, SyncProducer: p}
}

// send returns the offset of the last of n records.
func (w writer) send(n int) int64 {
	w.t.Helper()
	offset := kafka.NoRecord
	for range n {
		var err error
		if _, offset, err = w.SendMessage(&sarama.ProducerMessage{Topic: topic,
			Value: sarama.StringEncoder("v")}); err != nil {
			w.t.Fatal(err)
		}
	}
	return offset
}

func (w writer) begin()  { w.must(w.BeginTxn()) }
func (w writer) commit() { w.must(w.CommitTxn()) }
func (w writer) abort()  { w.must(w.AbortTxn()) }

func (w writer) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestLastRecord(t *testing.T) {
	tests := []struct {
		name string
		log  func(plain, tx, other writer) int64 // fills the log and returns the expected offset
	}{
		{"empty log", func(_, _, _ writer) int64 { return kafka.NoRecord }},
		{"plain records", func(plain, _, _ writer) int64 { return plain.send(3) }},
		{"committed, then the marker", func(_, tx, _ writer) int64 {
			tx.begin()
			last := tx.send(3)
			tx.commit()
			return last
		}},
		{"committed, then two aborted", func(_, tx, _ writer) int64 {
			tx.begin()
			last := tx.send(2)
			tx.commit()
			for range 2 {
				tx.begin()
				tx.send(5)
				tx.abort()
			}
			return last
		}},
		{"aborted, then committed", func(_, tx, _ writer) int64 {
			tx.begin()
			tx.send(2)
			tx.abort()
			tx.begin()
			last := tx.send(1)
			tx.commit()
			return last
		}},
		{"only aborted", func(_, tx, _ writer) int64 {
			tx.begin()
			tx.send(4)
			tx.abort()
			return kafka.NoRecord
		}},
		{"open transaction at the end", func(plain, tx, _ writer) int64 {
			last := plain.send(2)
			tx.begin()
			tx.send(3)
			return last
		}},
		{"only an open transaction", func(_, tx, _ writer) int64 {
			tx.begin()
			tx.send(1)
			return kafka.NoRecord
		}},
		{"records behind an open transaction", func(plain, tx, _ writer) int64 {
			last := plain.send(1)
			tx.begin()
			tx.send(1)
			plain.send(3)
			return last
		}},
		{"committed inside another's aborted", func(_, tx, other writer) int64 {
			tx.begin()
			tx.send(1)
			other.begin()
			last := other.send(1)
			tx.send(1)
			other.commit()
			tx.abort()
			return last
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			settings := newBroker(t)
			want := tt.log(newWriter(t, settings, ""), newWriter(t, settings, "tx"), newWriter(t, settings, "other"))
			got, err := kafka.LastRecords(connect(t, settings), topic)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || got[0] != want || got[1] != kafka.NoRecord {
				t.Errorf("LastRecords = %v, want 0:%d 1:%d", got, want, kafka.NoRecord)
			}
		})
	}
}

// What a consumer reads is the measure of LastRecord.
func TestLastRecordIsWhatAConsumerReads(t *testing.T) {
	settings := newBroker(t)
	plain, tx := newWriter(t, settings, ""), newWriter(t, settings, "tx")
	plain.send(2)
	tx.begin()
	tx.send(2)
	tx.commit()
	tx.begin()
	tx.send(2)
	tx.abort()

	c := settings.Config()
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	consumer, err := sarama.NewConsumer(settings.Bootstrap, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = consumer.Close() }()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = partition.Close() }()

	last, err := kafka.LastRecord(connect(t, settings), topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	plain.send(1) // the next that it reads: nothing visible lies between
	var read []int64
	for len(read) < 5 {
		select {
		case m := <-partition.Messages():
			read = append(read, m.Offset)
		case <-time.After(10 * time.Second):
			t.Fatalf("the consumer read %v and no more", read)
		}
	}
	if read[3] != last {
		t.Errorf("LastRecord = %d, a consumer had read %v", last, read[:4])
	}
}

func TestConnectNamesAddressAndRemedy(t *testing.T) {
	settings := kafka.Settings{Bootstrap: []string{closedPort(t)}}
	_, err := settings.Connect(t.Context(), settings.Config())
	wantText(t, err, settings.Bootstrap[0], "connection refused", "`producer broker`", "--bootstrap-servers")
}

func TestConnectToSomethingElse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go closeEach(listener)
	settings := kafka.Settings{Bootstrap: []string{listener.Addr().String()}}
	_, err = settings.Connect(t.Context(), settings.Config())
	wantText(t, err, settings.Bootstrap[0], "does not answer as a Kafka broker")
}

func closeEach(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

func TestConnectStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	settings := kafka.Settings{Bootstrap: []string{closedPort(t)}}
	if _, err := settings.Connect(ctx, settings.Config()); err == nil {
		t.Error("Connect found a broker where there is none")
	}
}

// A broker that is gone stays in what a client knows of the cluster.
func TestAnyBrokerIsOneThatIsThere(t *testing.T) {
	const nodes = 3
	cluster, err := kfake.NewCluster(kfake.NumBrokers(nodes))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kafka.Settings{Bootstrap: cluster.ListenAddrs()}.Connect(t.Context(), kafka.Settings{}.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for gone := range int32(nodes - 1) {
		if err := cluster.RemoveNode(gone); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if b, err := kafka.AnyBroker(client); err != nil || b.ID() != nodes-1 {
			t.Fatalf("AnyBroker: broker %v, %v", b, err)
		}
	}
}

func TestMissingTopic(t *testing.T) {
	client := connect(t, newBroker(t))
	_, err := kafka.LastRecords(client, "nowhere")
	if !errors.Is(err, kafka.ErrNoTopic) {
		t.Fatalf("error %v, want ErrNoTopic", err)
	}
	wantText(t, err, `"nowhere"`, "`producer broker` creates it")
}

func TestConfigIsValidAndBounded(t *testing.T) {
	c := kafka.Settings{ClientID: "test"}.Config()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Metadata.AllowAutoTopicCreation {
		t.Error("a wrong topic name would create the topic")
	}
	if sarama.MaxDecompressedBatchSize <= 0 {
		t.Error("a small message can decompress to any size")
	}
}

// closedPort is an address where nobody listens, nor can: the port is that of a
// connection.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}
