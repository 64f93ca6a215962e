package main

import (
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

// A processor is stopped in the middle of a transaction, another one takes its
// partitions, and then the first wakes up and wants to commit.
func TestZombieIsFenced(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	broker, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(1, purchase.Topic, enriched.Topic, deadletter.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	zombie := startProcess(t, broker)
	zombie.expect(t, "assigned")

	stopped := make(chan kmsg.TxnOffsetCommitRequest)
	broker.ControlKey(kmsg.TxnOffsetCommit.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.DropControl()
		_ = zombie.Process.Signal(syscall.SIGSTOP) // its next request would be the commit
		stopped <- *request.(*kmsg.TxnOffsetCommitRequest)
		return nil, nil, false
	})
	produceOne(t, broker)
	open := <-stopped

	heir := startProcess(t, broker)
	heir.expect(t, "assigned") // when the zombie's session has expired
	awaitRecords(t, broker, 1)

	var late atomic.Bool
	broker.ControlKey(kmsg.EndTxn.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		end := request.(*kmsg.EndTxnRequest)
		if end.ProducerID == open.ProducerID && end.ProducerEpoch == open.ProducerEpoch {
			late.Store(true)
		}
		return nil, nil, false
	})
	if err := zombie.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// Its heartbeat may tell it before its commit does that it is out: then it
	// gives up by itself, and joins the group again.
	line := zombie.expect(t, "another processor has taken over this partition", "assigned")
	t.Logf("a late commit reached the broker: %v; %s", late.Load(), line)
	produceOne(t, broker)
	awaitRecords(t, broker, 2)
	for _, p := range []*process{zombie, heir} {
		if code := p.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	}
}

// awaitRecords waits for dead letters of the first n offsets, each once, which is
// what produceOne's messages become.
func awaitRecords(t *testing.T, broker *kfake.Cluster, n int64) {
	t.Helper()
	config := kafka.Settings{}.Config()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	consumer, err := sarama.NewConsumer(broker.ListenAddrs(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	claim, err := consumer.ConsumePartition(deadletter.Topic, 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.AsyncClose()
	for want := range n {
		select {
		case m := <-claim.Messages():
			if l, err := deadletter.Parse(m); err != nil || l.Source.Offset != want {
				t.Fatalf("dead letter of offset %d, %v, want %d", l.Source.Offset, err, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%d dead letters came out, want %d", want, n)
		}
	}
}
