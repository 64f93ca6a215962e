package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
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

func TestDrainProcessesEachPurchaseOnce(t *testing.T) {
	c := newCluster(t)
	c.produce(1000)
	if totals, want := c.mustDrain(), (Totals{Events: 1000}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	c.checkExactlyOnce()
	if totals := c.mustDrain(); totals != (Totals{}) {
		t.Errorf("a second run did %+v", totals)
	}
	c.checkExactlyOnce()
	for _, m := range c.read(enriched.Topic) {
		if e, err := enriched.Decode(m.Value, time.Now()); err != nil || string(m.Key) != e.User {
			t.Errorf("key %q of event %+v, %v", m.Key, e, err)
		}
	}
}

func TestDrainOfEmptyInput(t *testing.T) {
	if totals := newCluster(t).mustDrain(); totals != (Totals{}) {
		t.Errorf("totals %+v", totals)
	}
}

func TestDrainIsNotMisledByMarkers(t *testing.T) {
	c := newCluster(t)
	c.transaction(true, message("a", "not JSON"), message("b", "not JSON either"))
	c.transaction(false, message("a", "never seen"), message("b", "never seen"))
	if totals, want := c.mustDrain(), (Totals{DeadLetters: 2}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
}

// transaction writes messages to the input in a transaction of their own.
func (c *cluster) transaction(commit bool, messages ...*sarama.ProducerMessage) {
	c.t.Helper()
	producer := c.openTransaction(messages...)
	end := producer.AbortTxn
	if commit {
		end = producer.CommitTxn
	}
	if err := end(); err != nil {
		c.t.Fatal(err)
	}
}

// openTransaction writes messages to the input in a transaction that stays open.
func (c *cluster) openTransaction(messages ...*sarama.ProducerMessage) sarama.SyncProducer {
	c.t.Helper()
	config := c.settings.Config()
	config.Net.MaxOpenRequests = 1
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Transaction.ID = "a-writer"
	producer, err := sarama.NewSyncProducer(c.settings.Bootstrap, config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = producer.Close() })
	if err := errors.Join(producer.BeginTxn(), producer.SendMessages(messages)); err != nil {
		c.t.Fatal(err)
	}
	return producer
}

func TestDeadLetterKeepsWhatCame(t *testing.T) {
	c := newCluster(t)
	original := message("a key", `{"user":" ","event_id":"given"}`)
	original.Headers = []sarama.RecordHeader{{Key: []byte("trace"), Value: []byte("1")}}
	null := &sarama.ProducerMessage{Topic: purchase.Topic}
	c.send(original, null)
	if totals, want := c.mustDrain(), (Totals{DeadLetters: 2}); totals != want {
		t.Fatalf("totals %+v, want %+v", totals, want)
	}
	letters := map[purchase.Reason]deadletter.Letter{}
	for _, m := range c.read(deadletter.Topic) {
		l, err := deadletter.Parse(m)
		if err != nil {
			t.Fatal(err)
		}
		letters[l.Reason] = l
	}
	l := letters[purchase.MissingUser]
	if string(l.Key) != "a key" || string(l.Value) != `{"user":" ","event_id":"given"}` || l.EventID != "given" {
		t.Errorf("letter %+v", l)
	}
	if len(l.Headers) != 1 || string(l.Headers[0].Key) != "trace" || string(l.Headers[0].Value) != "1" {
		t.Errorf("headers %+v", l.Headers)
	}
	if l.Source.Topic != purchase.Topic || l.Source.Partition != original.Partition || l.Source.Offset != original.Offset {
		t.Errorf("source %s, want partition %d offset %d", l.Source, original.Partition, original.Offset)
	}
	if e := letters[purchase.EmptyValue]; e.Key != nil || len(e.Value) != 0 || e.EventID != e.RecordID.String() {
		t.Errorf("letter of a null value %+v", e)
	}
}

func TestOversizedMessagesDoNotStopThePartition(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4000000"}))
	config := c.settings.Config()
	config.Producer.MaxMessageBytes = 3 << 20
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(c.settings.Bootstrap, config)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if _, _, err := producer.SendMessage(message("user-1", `{"user":"`+strings.Repeat("x", 2<<20)+`"}`)); err != nil {
		t.Fatal(err)
	}
	c.produce(100)
	if totals, want := c.mustDrain(), (Totals{Events: 100, DeadLetters: 1}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
	letter, err := deadletter.Parse(c.read(deadletter.Topic)[0])
	if err != nil || letter.Reason != purchase.TooLarge || len(letter.Value) != deadletter.MaxValue {
		t.Errorf("reason %q, %d bytes, %v", letter.Reason, len(letter.Value), err)
	}
}

// A batch of some kilobytes that would fill the memory.
func TestCompressionBombStops(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	config := c.settings.Config()
	config.Producer.MaxMessageBytes = 80 << 20
	config.Producer.Compression = sarama.CompressionZSTD
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(c.settings.Bootstrap, config)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	c.produce(20)
	c.mustDrain()
	partition, offset, err := producer.SendMessage(message("user-1", strings.Repeat(" ", 70<<20)))
	if err != nil {
		t.Fatal(err)
	}
	c.produce(20)
	_, err = Run(t.Context(), c.run())
	where := fmt.Sprintf("%s/%d: the batch with offsets %d to %[3]d cannot be read", purchase.Topic, partition, offset)
	way := fmt.Sprintf("--topic %s:%d --reset-offsets --to-offset %d ", purchase.Topic, partition, offset+1)
	if !errors.Is(err, sarama.ErrDecompressedBatchTooLarge) || !strings.Contains(err.Error(), where) ||
		!strings.Contains(err.Error(), way) {
		t.Errorf("got %v, want %q and %q", err, where, way)
	}
}

// answerEnd lets the broker say, so often, that the input ends at offset 1.
func (c *cluster) answerEnd(times int) {
	c.ControlKey(kmsg.ListOffsets.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		request := r.(*kmsg.ListOffsetsRequest)
		asked := request.Topics[0]
		if asked.Topic != purchase.Topic || asked.Partitions[0].Timestamp != sarama.OffsetNewest || times == 0 {
			return nil, nil, false
		}
		times--
		response := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = asked.Topic
		partition := kmsg.NewListOffsetsResponseTopicPartition()
		partition.Partition, partition.Offset = asked.Partitions[0].Partition, 1
		topic.Partitions = append(topic.Partitions, partition)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
}

// A leader that was deposed and does not know it yet says that the log ends
// where it ended for that leader.
func TestLogThatSeemsToEndEarly(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(200)
	c.mustDrain()
	c.answerEnd(2)
	start(t, c.run())
	c.produce(100)
	c.waitFor(300)
	c.checkExactlyOnce()
}

func TestLogThatEndsBelowTheCommittedOffsetStops(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(200)
	c.mustDrain()
	c.answerEnd(-1)
	_, err := Run(t.Context(), c.run())
	var outside *OutOfRangeError
	if !errors.As(err, &outside) || outside.End != 1 || outside.Committed <= 1 {
		t.Errorf("got %v, want an out of range error for a log that ends at 1", err)
	}
}

func TestMissingTopicIsNamed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, change := range []func(*Settings){
		func(s *Settings) { s.Input = "nowhere" },
		func(s *Settings) { s.Output = "nowhere" },
		func(s *Settings) { s.DeadLetters = "nowhere" },
	} {
		s := c.run()
		change(&s)
		if _, err := Run(t.Context(), s); !errors.Is(err, kafka.ErrNoTopic) || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("got %v, want that the topic nowhere does not exist", err)
		}
	}
}

func TestUnreachableBrokerAtTheStart(t *testing.T) {
	s := Settings{Kafka: kafka.Settings{Bootstrap: []string{"127.0.0.1:1"}}, Group: group, BatchSize: 1, Log: testLog(t)}
	if _, err := Run(t.Context(), s); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v, want an error with the address", err)
	}
}

func TestInterruption(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	stop := start(t, c.run())
	c.produce(100)
	c.waitFor(100)
	if err := stop(); err != nil {
		t.Errorf("a run that is stopped has finished, got %v", err)
	}
	c.checkExactlyOnce()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.produce(1)
	if _, err := Run(ctx, c.drain()); !errors.Is(err, context.Canceled) {
		t.Errorf("a drain that is interrupted has not finished, got %v", err)
	}
}

func TestBrokerGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, port := freePort(t)
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir),
		kfake.SeedTopics(partitions, purchase.Topic, enriched.Topic, deadletter.Topic),
	}
	first, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	lines := &logLines{}
	s := Settings{
		Kafka: kafka.Settings{Bootstrap: []string{address}}, Group: group,
		Input: purchase.Topic, Output: enriched.Topic, DeadLetters: deadletter.Topic,
		Linger: time.Millisecond, BatchSize: 10, Log: lines.logger(),
	}
	start(t, s)
	waiting := &cluster{t: t}
	waiting.eventually("the partitions are assigned", func() bool { return lines.count("assigned") == 1 })
	first.Close()
	waiting.eventually("the loss is logged", func() bool { return lines.count("interrupted; retrying") == 1 })

	c := newCluster(t, options...)
	c.produce(100)
	c.waitFor(100)
	c.checkExactlyOnce()
	if n := lines.count("interrupted; retrying"); n != 1 {
		t.Errorf("the loss is logged %d times", n)
	}
	if n := lines.count("working again"); n != 1 {
		t.Errorf("the return is logged %d times", n)
	}
}

func freePort(t *testing.T) (address string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String(), l.Addr().(*net.TCPAddr).Port
}

// A topic that is created again while a processor runs is another topic: all of
// it is processed, and its records have ids of their own.
func TestTopicCreatedAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	start(t, c.run())
	c.produceWithoutIDs(200)
	c.waitFor(200)
	c.recreate(purchase.Topic)
	c.produceWithoutIDs(300)
	c.waitFor(500)
	ids := map[string]bool{}
	for _, m := range c.read(enriched.Topic) {
		e, err := enriched.Decode(m.Value, time.Now())
		if err != nil || ids[e.EventID] {
			t.Errorf("%s comes twice, or %v", e.EventID, err)
		}
		ids[e.EventID] = true
	}
	if len(ids) != 500 {
		t.Errorf("%d events, want 500", len(ids))
	}
}

func (c *cluster) produceWithoutIDs(count int) {
	messages := make([]*sarama.ProducerMessage, count)
	for i := range messages {
		messages[i] = message(fmt.Sprint(i), `{"user":"u","item":"tea","timestamp":"2026-01-02T03:04:05Z"}`)
	}
	c.send(messages...)
}

// recreate deletes the topic and creates it again at once.
func (c *cluster) recreate(topic string) {
	c.t.Helper()
	admin, err := sarama.NewClusterAdmin(c.ListenAddrs(), c.settings.Config())
	if err != nil {
		c.t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.DeleteTopic(topic); err != nil {
		c.t.Fatal(err)
	}
	if err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1},
		false); err != nil {
		c.t.Fatal(err)
	}
}
