package dlq_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/dlq"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

const (
	letters   = "letters"
	purchases = "bought"
)

var start = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// newBroker has the letters on two partitions of a topic.
func newBroker(t *testing.T, all ...*deadletter.Letter) (kafka.Settings, sarama.Client) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, letters, purchases))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	settings := kafka.Settings{Bootstrap: broker.ListenAddrs()}
	config := dlq.Configure(settings.Config())
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	client, err := settings.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i, l := range all {
		m := l.Message(letters)
		m.Partition, m.Timestamp = int32(i%2), start.Add(time.Duration(i)*time.Minute)
		if _, _, err := producer.SendMessage(m); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: letters,
		Value: sarama.StringEncoder("foreign")}); err != nil {
		t.Fatal(err)
	}
	return settings, client
}

func letter(n int, reason purchase.Reason, value string) *deadletter.Letter {
	return &deadletter.Letter{
		Reason: reason, Detail: "detail " + fmt.Sprint(n), Stage: "validate",
		EventID: fmt.Sprintf("id-%d", n), RecordID: purchase.DerivedID("topic", 0, int64(n)),
		Source: enriched.Source{Topic: purchases, Partition: 0, Offset: int64(n)},
		Key:    []byte("key"), Value: []byte(value),
		Headers: []sarama.RecordHeader{{Key: []byte("trace"), Value: []byte("1")}},
	}
}

func five() []*deadletter.Letter {
	return []*deadletter.Letter{
		letter(0, "missing_user", `{"item":"A"}`),
		letter(1, "missing_user", `{"item":"B","event_id":"own"}`),
		letter(2, "invalid_json", "not \xff JSON"),
		letter(3, "missing_item", ` { } `),
		letter(4, "invalid_json", `[1]`),
	}
}

func TestSummarize(t *testing.T) {
	_, client := newBroker(t, five()...)
	list, foreign, err := dlq.Summarize(t.Context(), client, letters, dlq.Filter{})
	if err != nil || foreign != 1 {
		t.Fatal(foreign, err)
	}
	want := []dlq.Summary{
		{"invalid_json", 2, start.Add(2 * time.Minute), start.Add(4 * time.Minute), "detail 2"},
		{"missing_user", 2, start, start.Add(time.Minute), "detail 0"},
		{"missing_item", 1, start.Add(3 * time.Minute), start.Add(3 * time.Minute), "detail 3"},
	}
	if fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", list, want)
	}
}

func TestFilters(t *testing.T) {
	_, client := newBroker(t, five()...)
	for _, test := range []struct {
		name   string
		filter dlq.Filter
		want   string
	}{
		{"all", dlq.Filter{}, "0/0 0/1 0/2 1/0 1/1"},
		{"reasons", dlq.Filter{Reasons: []string{"missing_user", "missing_item"}}, "0/0 1/0 1/1"},
		{"position", dlq.Filter{Positions: []dlq.Position{{1, 1}}}, "1/1"},
		{"source", dlq.Filter{Sources: []enriched.Source{{Topic: purchases, Offset: 2}}}, "0/1"},
		{"since", dlq.Filter{Since: start.Add(3 * time.Minute)}, "0/2 1/1"},
		{"until", dlq.Filter{Until: start.Add(time.Minute)}, "0/0"},
		{"all must match", dlq.Filter{Reasons: []string{"invalid_json"}, Until: start.Add(3 * time.Minute)}, "0/1"},
		{"none", dlq.Filter{Reasons: []string{"none"}}, ""},
	} {
		var got []string
		_, err := dlq.Each(t.Context(), client, letters, test.filter, func(l *dlq.Letter) error {
			got = append(got, l.Position.String())
			return nil
		})
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, %v, want %s", test.name, got, err, test.want)
		}
	}
}

// sent reads the values and keys that a read_committed reader finds.
func sent(t *testing.T, client sarama.Client) (values []string) {
	t.Helper()
	last, err := kafka.LastRecords(client, purchases)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	for p := int32(0); p < 2; p++ {
		if last[p] == kafka.NoRecord {
			continue
		}
		messages, err := consumer.ConsumePartition(purchases, p, sarama.OffsetOldest)
		if err != nil {
			t.Fatal(err)
		}
		for m := range messages.Messages() {
			values = append(values, string(m.Key)+" "+string(m.Value))
			if m.Offset == last[p] {
				break
			}
		}
		messages.Close()
	}
	return values
}

func TestRedriveSendsEachLetterOnce(t *testing.T) {
	settings, client := newBroker(t, five()...)
	first := &dlq.Redrive{Kafka: settings, Letters: letters, Purchases: purchases,
		Filter: dlq.Filter{Reasons: []string{"missing_user"}}}
	plan, err := first.Plan(t.Context())
	if err != nil || plan.Letters != 2 || plan.Sent != 2 || plan.Reasons["missing_user"] != 2 ||
		len(sent(t, client)) != 0 {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	if plan, err = first.Run(t.Context()); err != nil || plan.Sent != 2 {
		t.Fatalf("run %+v, %v", plan, err)
	}
	all := &dlq.Redrive{Kafka: settings, Letters: letters, Purchases: purchases}
	if plan, err = all.Run(t.Context()); err != nil || plan.Letters != 5 || plan.Before != 2 || plan.Sent != 3 {
		t.Fatalf("run %+v, %v", plan, err)
	}
	if plan, err = all.Run(t.Context()); err != nil || plan.Before != 5 || plan.Sent != 0 {
		t.Fatalf("run %+v, %v", plan, err)
	}
	got := strings.Join(sent(t, client), "\n")
	want := strings.Join([]string{
		`key {"event_id":"id-0","item":"A"}`, `key {"item":"B","event_id":"own"}`, "key not \xff JSON", `key [1]`,
		`key  {"event_id":"id-3" } `,
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEditedLettersKeepTheirIdentity(t *testing.T) {
	settings, client := newBroker(t, five()...)
	var exported bytes.Buffer
	_, err := dlq.Each(t.Context(), client, letters, dlq.Filter{Reasons: []string{"missing_user"}},
		func(l *dlq.Letter) error {
			return dlq.WriteLine(&exported, l)
		})
	if err != nil {
		t.Fatal(err)
	}
	edited, err := dlq.ReadEdited(strings.NewReader(strings.ReplaceAll(exported.String(), `"value":{`,
		`"value":{"user":"u",`)))
	if err != nil || len(edited) != 2 {
		t.Fatal(edited, err)
	}
	r := &dlq.Redrive{Kafka: settings, Letters: letters, Purchases: purchases, Edited: edited}
	if plan, err := r.Run(t.Context()); err != nil || plan.Sent != 2 {
		t.Fatalf("run %+v, %v", plan, err)
	}
	want := `key {"event_id":"id-0","user":"u","item":"A"}` + "\n" + `key {"user":"u","item":"B","event_id":"own"}`
	if got := strings.Join(sent(t, client), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Edited = dlq.Edited{{Partition: 1, Offset: 99}: []byte("{}")}
	if _, err := r.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "does not have 1 of the 1 edited") {
		t.Errorf("a letter that is not there: %v", err)
	}
}

func TestEveryValueSurvivesAnExport(t *testing.T) {
	for _, value := range []string{`{"a":1}`, `[1]`, "text", "\xff\x00", "", `{"a":1,"a":2}`} {
		var out bytes.Buffer
		l := &dlq.Letter{Letter: *letter(0, "r", value)}
		if err := dlq.WriteLine(&out, l); err != nil {
			t.Fatal(err)
		}
		edited, err := dlq.ReadEdited(&out)
		if err != nil || string(edited[dlq.Position{}]) != value {
			t.Errorf("%q became %q, %v", value, edited[dlq.Position{}], err)
		}
	}
}

func TestFaultyEditsAreRefused(t *testing.T) {
	for _, text := range []string{`{"dead_letter":"x"}`, `{}`, `{"dead_letter":"0/1"}{"dead_letter":"0/1"}`,
		`{"dead_letter":"0/1"`, `[]`} {
		if edited, err := dlq.ReadEdited(strings.NewReader(text)); err == nil {
			t.Errorf("%s is read as %v", text, edited)
		}
	}
}

// A letter that the processor has cut is not whole, so only an edit can send it.
func TestCutLettersNeedAnEdit(t *testing.T) {
	long := letter(0, "too_large", "{"+strings.Repeat(" ", deadletter.MaxValue)+"}")
	settings, client := newBroker(t, long)
	r := &dlq.Redrive{Kafka: settings, Letters: letters, Purchases: purchases}
	if plan, err := r.Run(t.Context()); err != nil || plan.Cut != 1 || plan.Sent != 0 {
		t.Fatalf("run %+v, %v", plan, err)
	}
	r.Edited = dlq.Edited{{}: []byte(`{"user":"u"}`)}
	if plan, err := r.Run(t.Context()); err != nil || plan.Sent != 1 {
		t.Fatalf("run %+v, %v", plan, err)
	}
	if got := sent(t, client); len(got) != 1 || got[0] != `key {"event_id":"id-0","user":"u"}` {
		t.Errorf("sent %q", got)
	}
}

func TestLetterOfExpiredOffsets(t *testing.T) {
	expired := deadletter.NewExpired("topic", enriched.Source{Topic: purchases, Partition: 0, Offset: 7}, 3)
	settings, client := newBroker(t, expired, letter(1, "missing_user", `{"item":"B"}`))
	var out bytes.Buffer
	_, err := dlq.Each(t.Context(), client, letters, dlq.Filter{Reasons: []string{"expired"}}, func(l *dlq.Letter) error {
		return dlq.WriteLine(&out, l)
	})
	want := `"detail":"offsets 7 to 9 expired before they were processed","stage":"read",`
	if err != nil || !strings.Contains(out.String(), want) || !strings.Contains(out.String(), `"offsets":3,`) {
		t.Errorf("got %s, %v", out.String(), err)
	}
	edited, err := dlq.ReadEdited(&out)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*dlq.Redrive{
		{Kafka: settings, Letters: letters, Purchases: purchases, Edited: edited},
		{Kafka: settings, Letters: letters, Purchases: purchases},
	} {
		plan, err := r.Run(t.Context())
		if err != nil || plan.Expired != 1 || plan.Sent != plan.Letters-1 {
			t.Errorf("run %+v, %v", plan, err)
		}
	}
	if got := sent(t, client); len(got) != 1 {
		t.Errorf("sent %q, want the one purchase", got)
	}
}
