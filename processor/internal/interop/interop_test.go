package interop

import (
	"flag"
	"log/slog"
	"maps"
	"os/exec"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/pipeline"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
	"purchases/producer/registry"
)

var python = flag.String("python", "", "`INTERPRETER` with Confluent's serializers; empty skips the tests that need a real registry")

// wanted are the events of testdata/write.py by user, without what differs between runs.
var wanted = map[string]purchase.Event{
	"avro-all":        {Quantity: -2, Amount: micros(-39_980_000), Currency: "EUR", Attributes: map[string]string{"country": "DE"}},
	"avro-double":     {Amount: micros(100_000)},
	"avro-text":       {Amount: micros(39_980_000)},
	"avro-int":        {Amount: micros(7_000_000)},
	"avro-more":       {},
	"avro-other-type": {Item: "85123", Quantity: 3},
	"json":            {Amount: micros(2_500_000), Attributes: map[string]string{"a": "b"}},
	"protobuf":        {Item: "85123", Quantity: 2, Amount: micros(39_980_000), Attributes: map[string]string{"country": "DE"}},
}

func micros(n int64) *purchase.Micros { m := purchase.Micros(n); return &m }

func TestConfluentSerializers(t *testing.T) {
	if *python == "" {
		t.Skip("needs a real registry; run make test-registry")
	}
	url, err := start(t)
	if err != nil {
		t.Fatal(err)
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, purchase.Topic, enriched.Topic, deadletter.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	address := broker.ListenAddrs()[0]
	if output, err := exec.CommandContext(t.Context(), *python, "testdata/write.py", address, url).CombinedOutput(); err != nil {
		t.Fatalf("write.py: %v\n%s", err, output)
	}
	settings := kafka.Settings{Bootstrap: []string{address}, Registry: kafka.Registry{URLs: []string{url}}}
	totals, err := pipeline.Run(t.Context(), pipeline.Settings{
		Kafka: settings, Group: "processor", Input: purchase.Topic, Output: enriched.Topic, DeadLetters: deadletter.Topic,
		Linger: time.Millisecond, BatchSize: 100, Drain: true, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil || totals.Events != int64(len(wanted)) || totals.DeadLetters != 1 {
		t.Errorf("totals %+v, %v", totals, err)
	}
	for _, m := range read(t, settings, enriched.Topic) {
		checkEvent(t, m)
	}
	for _, m := range read(t, settings, deadletter.Topic) {
		if l, err := deadletter.Parse(m); err != nil || string(l.Key) != "avro-renamed" || l.Reason != purchase.MissingUser {
			t.Errorf("dead letter of %s: %s %s, %v", l.Key, l.Reason, l.Detail, err)
		}
	}
	ownSchemas(t, settings.Registry)
}

func checkEvent(t *testing.T, m *sarama.ConsumerMessage) {
	t.Helper()
	e, err := enriched.Decode(m.Value, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want, found := wanted[e.User]
	if !found {
		t.Fatalf("an event of user %s", e.User)
	}
	if want.Quantity == 0 {
		want.Quantity = 1
	}
	if want.Item == "" {
		want.Item = "tea"
	}
	at := time.UnixMilli(1769860800123).UTC()
	amount := (e.Amount == nil) == (want.Amount == nil) && (e.Amount == nil || *e.Amount == *want.Amount)
	if e.Quantity != want.Quantity || e.Item != want.Item || e.Currency != want.Currency || !amount || !e.Timestamp.Equal(at) || !maps.Equal(e.Attributes, want.Attributes) {
		t.Errorf("event %s\nwant %+v", m.Value, want)
	}
}

// read returns what the topic holds.
func read(t *testing.T, settings kafka.Settings, topic string) (found []*sarama.ConsumerMessage) {
	config := settings.Config()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	client, err := settings.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	last, err := kafka.LastRecords(client, topic)
	if err != nil {
		t.Fatal(err)
	}
	for partition, end := range last {
		if end < 0 {
			continue
		}
		from, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
		if err != nil {
			t.Fatal(err)
		}
		for m := range from.Messages() {
			found = append(found, m)
			if m.Offset >= end {
				break
			}
		}
		_ = from.Close()
	}
	return found
}

// ownSchemas registers ours, as producer topics create does.
func ownSchemas(t *testing.T, s kafka.Registry) {
	client, err := registry.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []sr.SchemaType{sr.TypeAvro, sr.TypeProtobuf, sr.TypeJSON} {
		subject := "ours-" + format.String()
		id, err := client.Register(t.Context(), subject, registry.Ours(format))
		if err != nil {
			t.Errorf("%v: %v", format, err)
			continue
		}
		if again, err := client.Lookup(t.Context(), subject, registry.Ours(format)); err != nil || again != id {
			t.Errorf("%v: registered as %d, found as %d, %v", format, id, again, err)
		}
		if standing, err := client.Stand(t.Context(), subject); err != nil || standing.Version != 1 || standing.Refused != nil {
			t.Errorf("%v: %+v, %v", format, standing, err)
		}
	}
}
