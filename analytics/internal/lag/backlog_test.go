package lag_test

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/analytics/internal/lag"
	"purchases/producer/kafka"
)

const topic = "purchases"

// connect returns a client of a cluster whose topic has two partitions with
// five records each.
func connect(t *testing.T) sarama.Client {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	settings := kafka.Settings{Bootstrap: cluster.ListenAddrs()}
	config := settings.Config()
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	client, err := settings.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		at := time.UnixMilli(1_700_000_000_000 + int64(n)*1000)
		message := &sarama.ProducerMessage{Topic: topic, Partition: int32(n % 2), Timestamp: at,
			Value: sarama.StringEncoder("x")}
		if _, _, err := producer.SendMessage(message); err != nil {
			t.Fatal(err)
		}
	}
	return client
}

// commit has the group stand at the offsets.
func commit(t *testing.T, client sarama.Client, group string, offsets ...int64) {
	t.Helper()
	coordinator, err := client.Coordinator(group)
	if err != nil {
		t.Fatal(err)
	}
	request := &sarama.OffsetCommitRequest{
		Version: 7, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	for n, offset := range offsets {
		request.AddBlock(topic, int32(n), offset, 0, "")
	}
	if _, err := coordinator.CommitOffset(request); err != nil {
		t.Fatal(err)
	}
}

func TestBacklog(t *testing.T) {
	client := connect(t)
	in := lag.Input{Topic: topic, Group: lag.ProcessorGroup}
	want := func(behind, oldest int64) {
		t.Helper()
		b, err := in.Find(client)
		if err != nil || b.Lag != behind || b.Partitions != 2 || b.Members != 0 {
			t.Errorf("backlog %+v, %v, want %d", b, err, behind)
		}
		if at := b.Oldest; at.IsZero() != (oldest == 0) || oldest > 0 && at.UnixMilli() != oldest {
			t.Errorf("the oldest is of %s, want %d", at, oldest)
		}
	}
	want(10, 1_700_000_000_000) // the group does not exist
	commit(t, client, in.Group, 5, 3)
	want(2, 1_700_000_007_000)
	commit(t, client, in.Group, 5, 5)
	want(0, 0)
}
