package preflight_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
)

// One that was just begun is what a processor at work has.
func TestOldOpenTransactionIsNamed(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	settings := kafka.Settings{Bootstrap: cluster.ListenAddrs()}
	begin(t, settings, 0, time.Now().Add(-time.Hour))
	begin(t, settings, 1, time.Now())
	report, err := preflight.Inspect(t.Context(), settings, needs())
	if err != nil {
		t.Fatal(err)
	}
	notes := fmt.Sprint(report.Notes)
	if !strings.Contains(notes, "an open transaction blocks in/0 from offset 0, since ") ||
		strings.Contains(notes, "in/1") {
		t.Errorf("notes %s", notes)
	}
}

// begin leaves a transaction open whose record has the time.
func begin(t *testing.T, settings kafka.Settings, partition int32, at time.Time) {
	t.Helper()
	config := settings.Config()
	config.Net.MaxOpenRequests = 1
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Transaction.ID = fmt.Sprint("till-", partition)
	producer, err := sarama.NewSyncProducer(settings.Bootstrap, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	if err := producer.BeginTxn(); err != nil {
		t.Fatal(err)
	}
	message := &sarama.ProducerMessage{Topic: "in", Partition: partition, Timestamp: at, Value: sarama.StringEncoder("x")}
	if _, _, err := producer.SendMessage(message); err != nil {
		t.Fatal(err)
	}
}
