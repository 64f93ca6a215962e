package retract_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/producer/internal/publish"
	"purchases/producer/internal/retract"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// topic is an embedded broker with the topic of purchases.
type topic struct {
	t        *testing.T
	settings kafka.Settings
	client   sarama.Client
}

func newTopic(t *testing.T) *topic {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, purchase.Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	to := &topic{t: t, settings: kafka.Settings{Bootstrap: cluster.ListenAddrs()}}
	config := publish.Configure(to.settings.Config())
	config.Producer.Partitioner = sarama.NewManualPartitioner
	if to.client, err = to.settings.Connect(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.client.Close() })
	return to
}

// send publishes the values in their order.
func (to *topic) send(partition int32, values ...string) {
	to.t.Helper()
	producer, err := sarama.NewSyncProducerFromClient(to.client)
	if err != nil {
		to.t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	for _, value := range values {
		m := &sarama.ProducerMessage{Topic: purchase.Topic, Partition: partition, Value: sarama.StringEncoder(value)}
		if _, _, err := producer.SendMessage(m); err != nil {
			to.t.Fatal(err)
		}
	}
}

// abort leaves a value that no read_committed consumer sees.
func (to *topic) abort(partition int32, value string) {
	to.t.Helper()
	config := publish.Configure(to.settings.Config())
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Transaction.ID = "aborted"
	producer, err := sarama.NewSyncProducer(to.settings.Bootstrap, config)
	if err != nil {
		to.t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	if err := producer.BeginTxn(); err != nil {
		to.t.Fatal(err)
	}
	m := &sarama.ProducerMessage{Topic: purchase.Topic, Partition: partition, Value: sarama.StringEncoder(value)}
	if _, _, err := producer.SendMessage(m); err != nil {
		to.t.Fatal(err)
	}
	if err := producer.AbortTxn(); err != nil {
		to.t.Fatal(err)
	}
}

func (to *topic) find(user string) retract.Found {
	to.t.Helper()
	found, err := retract.Search{Kafka: to.settings, Topic: purchase.Topic, User: user, At: now}.Find(to.t.Context())
	if err != nil {
		to.t.Fatal(err)
	}
	return found
}

func event(user string, day int, more string) string {
	return fmt.Sprintf(`{"user":%q,"item":"i","timestamp":"2026-01-%02dT00:00:00Z"%s}`, user, day, more)
}

func retraction(id string, day int, user string) purchase.Event {
	return purchase.Event{Op: purchase.Retract, EventID: id, Timestamp: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC),
		User: user, RetractedAt: now}
}

func TestFindsEachEventOfTheUser(t *testing.T) {
	to := newTopic(t)
	taken := purchase.DerivedID("any", 0, 0).String()
	to.send(0, event("u", 1, `,"event_id":"a"`), event("other", 1, `,"event_id":"b"`), event("u", 1, `,"event_id":"a"`))
	to.abort(1, event("u", 9, ""))
	to.send(1, event(" u ", 2, ""), event("u", 3, `,"quantity":0`), "no event", event("u", 3, `,"event_id":"`+taken+`"`))
	topic, err := kafka.Identify(to.client, purchase.Topic)
	if err != nil {
		t.Fatal(err)
	}
	got := to.find("u")
	want := retract.Found{Unreadable: 1, Retractions: []purchase.Event{
		retraction("a", 1, "u"),
		retraction(purchase.DerivedID(topic.TopicID, 1, 2).String(), 2, "u"), // after the aborted record and its marker
		retraction(purchase.TextID(taken).String(), 3, "u"),
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := to.find("nobody"); len(got.Retractions) != 0 {
		t.Errorf("found %+v", got)
	}
}

func TestFindsNothingTwice(t *testing.T) {
	const day1, day2 = `"2026-01-01T00:00:00Z"`, `"2026-01-02T00:00:00Z"`
	to := newTopic(t)
	to.send(0,
		event("u", 1, `,"event_id":"a"`),
		event("u", 1, `,"event_id":"b","imported_at":`+day2),
		event("u", 1, `,"event_id":"c","imported_at":`+day2),
		event("u", 1, `,"event_id":"d","imported_at":"2026-02-01T00:00:00Z"`))
	to.send(2,
		`{"op":"retract","event_id":"a","timestamp":`+day1+`,"retracted_at":`+day1+`}`,
		`{"op":"retract","event_id":"b","timestamp":`+day1+`,"retracted_at":`+day1+`}`,
		`{"op":"retract","event_id":"c","timestamp":`+day1+`}`,
		`{"op":"retract","event_id":"d","timestamp":`+day2+`}`)
	got := to.find("u")
	b, d := retraction("b", 1, "u"), retraction("d", 1, "u")
	d.RetractedAt = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC) // its import's clock is ahead
	if want := (retract.Found{Retracted: 2, Retractions: []purchase.Event{b, d}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for _, e := range got.Retractions {
		value, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		to.send(1, string(value))
	}
	if got := to.find("u"); len(got.Retractions) != 0 || got.Retracted != 4 {
		t.Errorf("after all are retracted: %+v", got)
	}
}

func TestReadList(t *testing.T) {
	got, err := retract.ReadList(strings.NewReader(event("u", 1, `,"event_id":" a "`)+"\n\n"+
		`{"event_id":7,"timestamp":1767312000000}`), now)
	if want := []purchase.Event{retraction("a", 1, "u"), retraction("7", 2, "")}; err != nil ||
		!reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	for text, want := range map[string]string{
		"\n{\"event_id\":\"a\"}":               "line 2: missing_timestamp",
		`{"timestamp":"2026-01-01T00:00:00Z"}`: "line 1: missing_event_id", "a,b": "line 1: invalid_json",
	} {
		if _, err := retract.ReadList(strings.NewReader(text), now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
