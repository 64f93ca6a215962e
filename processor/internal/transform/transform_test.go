package transform

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

const (
	topicID = "topic"
	good    = `{"event_id":"e-1","user":" u1 ","item":"tea","quantity":2,"unit_price":"2.55","currency":"gbp","timestamp":"2026-01-02T03:04:05+01:00"}`
	rest    = `"item":"tea","timestamp":"2026-01-02T03:04:05Z"}`
)

var (
	now      = time.Date(2026, 1, 3, 0, 0, 0, 123_456_789, time.UTC)
	source   = enriched.Source{Topic: "in", Partition: 3, Offset: 42}
	recordID = purchase.DerivedID(topicID, 3, 42)
)

func transformer() *Transformer {
	return &Transformer{Events: "out", DeadLetters: "dlq", MaxMessage: 1 << 20}
}

func transform(in *sarama.ConsumerMessage, now time.Time) (out *sarama.ProducerMessage, dead bool) {
	batch, letters := transformer().Batch(topicID, []*sarama.ConsumerMessage{in}, now)
	return batch[0], letters > 0
}

func received(value string) *sarama.ConsumerMessage {
	return &sarama.ConsumerMessage{Topic: source.Topic, Partition: source.Partition, Offset: source.Offset,
		Key: []byte("k"), Value: []byte(value)}
}

// parse reads a dead letter back as its consumers do.
func parse(t *testing.T, m *sarama.ProducerMessage) deadletter.Letter {
	t.Helper()
	in := &sarama.ConsumerMessage{Topic: m.Topic, Key: encoded(t, m.Key), Value: encoded(t, m.Value)}
	for _, h := range m.Headers {
		in.Headers = append(in.Headers, &h)
	}
	l, err := deadletter.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func encoded(t *testing.T, e sarama.Encoder) []byte {
	t.Helper()
	if e == nil {
		return nil
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoodEvent(t *testing.T) {
	m, dead := transform(received(good), now)
	if dead || m.Topic != "out" || string(encoded(t, m.Key)) != "u1" {
		t.Fatalf("dead %v, topic %s, key %s", dead, m.Topic, encoded(t, m.Key))
	}
	e, err := enriched.Decode(encoded(t, m.Value), now)
	if err != nil {
		t.Fatal(err)
	}
	if e.EventID != "e-1" || e.Source != source || e.Currency != "GBP" || *e.Amount != 5_100_000 ||
		!e.ProcessedAt.Equal(now.Truncate(time.Millisecond)) {
		t.Errorf("event %+v", e)
	}
}

// A retraction keeps the key of its message, so that it stays on a partition of
// its own choice.
func TestRetraction(t *testing.T) {
	const value = `{"op":"retract","event_id":"e-1","timestamp":"2026-01-02T03:04:05+01:00","user":"u1","quantity":-3}`
	for _, key := range [][]byte{nil, {}, []byte("k")} {
		in := received(value)
		in.Key = key
		m, dead := transform(in, now)
		e, err := enriched.Decode(encoded(t, m.Value), now)
		if dead || err != nil || e.Kind != enriched.Retraction || e.EventID != "e-1" || e.Quantity != 0 {
			t.Errorf("dead %v, %+v, %v", dead, e, err)
		}
		if (m.Key == nil) != (key == nil) || !bytes.Equal(encoded(t, m.Key), key) {
			t.Errorf("key %q, want %q", encoded(t, m.Key), key)
		}
	}
}

func TestOnlyProcessedAtDependsOnTheTime(t *testing.T) {
	at := func(now time.Time) string {
		m, _ := transform(received(good), now)
		return strings.ReplaceAll(string(encoded(t, m.Value)), now.Truncate(time.Millisecond).Format(time.RFC3339Nano), "NOW")
	}
	if a, b := at(now), at(now.Add(time.Hour)); a != b || !strings.Contains(a, "NOW") {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestEachReason(t *testing.T) {
	long := strings.Repeat("x", purchase.MaxName+1)
	for _, c := range []struct {
		value  string
		reason purchase.Reason
		stage  string
	}{
		{"", purchase.EmptyValue, StageDecode},
		{" \n", purchase.EmptyValue, StageDecode},
		{`{"user":"` + strings.Repeat("x", purchase.MaxValue) + `"}`, purchase.TooLarge, StageDecode},
		{"{\"user\":\"\xff\"}", purchase.InvalidUTF8, StageDecode},
		{`[1]`, purchase.JSONArray, StageDecode},
		{`{"user":`, purchase.InvalidJSON, StageDecode},
		{`{"user":"a","user":"b",` + rest, purchase.DuplicateName, StageDecode},
		{`{"user":true,` + rest, purchase.InvalidType, StageDecode},
		{`{` + rest, purchase.MissingUser, StageValidate},
		{`{"user":"a","timestamp":"2026-01-02T03:04:05Z"}`, purchase.MissingItem, StageValidate},
		{`{"user":"a","item":"b"}`, purchase.MissingTimestamp, StageValidate},
		{`{"user":"a","item":"b","timestamp":"yesterday"}`, purchase.InvalidTimestamp, StageDecode},
		{`{"user":"a","item":"b","timestamp":"1969-12-31T00:00:00Z"}`, purchase.InvalidTimestamp, StageValidate},
		{`{"user":"a","item":"b","timestamp":"2026-02-02T00:00:00Z"}`, purchase.TimestampInFuture, StageValidate},
		{`{"user":"a","quantity":1.5,` + rest, purchase.InvalidQuantity, StageDecode},
		{`{"user":"a","quantity":0,` + rest, purchase.InvalidQuantity, StageValidate},
		{`{"user":"a","unit_price":"1,5",` + rest, purchase.InvalidPrice, StageDecode},
		{`{"user":"a","unit_price":-1,` + rest, purchase.InvalidPrice, StageValidate},
		{`{"user":"a","quantity":1000000000,"unit_price":9224,` + rest, purchase.AmountTooLarge, StageValidate},
		{`{"user":"a","currency":"pounds",` + rest, purchase.InvalidCurrency, StageValidate},
		{`{"user":"a","attributes":{"a":1.5},` + rest, purchase.InvalidAttributes, StageDecode},
		{`{"user":"a","item_name":"` + long + `",` + rest, purchase.FieldTooLong, StageValidate},
		{`{"user":"a\u0000b",` + rest, purchase.ControlCharacter, StageValidate},
	} {
		t.Run(string(c.reason), func(t *testing.T) {
			m, dead := transform(received(c.value), now)
			if !dead || m.Topic != "dlq" {
				t.Fatalf("dead %v, topic %s", dead, m.Topic)
			}
			l := parse(t, m)
			if l.Reason != c.reason || l.Stage != c.stage {
				t.Errorf("reason %s in stage %s (%s), want %s in %s", l.Reason, l.Stage, l.Detail, c.reason, c.stage)
			}
			if string(l.Key) != "k" || l.Source != source || l.EventID != recordID.String() || l.RecordID != recordID ||
				l.Detail == "" {
				t.Errorf("letter %+v", l)
			}
			if !strings.HasPrefix(c.value, string(l.Value)) {
				t.Errorf("value %q", l.Value)
			}
		})
	}
}

func TestEventIDOfADeadLetter(t *testing.T) {
	derived := recordID.String()
	for value, want := range map[string]string{
		`{"event_id":"given","user":""}`:                                     "given",
		`{"event_id":" given ","user":[]}`:                                   "given",
		`{"user":[],"event_id":"after the error"}`:                           "after the error",
		`{"event_id":"before the end",`:                                      "before the end",
		`{"event_id":7.5}`:                                                   derived,
		`{"event_id":"` + strings.Repeat("x", purchase.MaxID+1) + `"}`:       derived,
		`{"event_id":""}`:                                                    derived,
		`not JSON`:                                                           derived,
		`{"user":"a","quantity":0,"event_id":"e",` + rest:                    "e",
		`{"user":"a","user":"b","event_id":"after a duplicate name",` + rest: "after a duplicate name",
	} {
		m, dead := transform(received(value), now)
		if !dead {
			t.Fatalf("%s is no dead letter", value)
		}
		if l := parse(t, m); l.EventID != want || (l.RecordID == recordID) != (want == derived) {
			t.Errorf("%.60s: event id %q, record id %s, want %q", value, l.EventID, l.RecordID, want)
		}
	}
}

// The same value with the same event_id is the same dead letter, whenever it was
// written; another value is another one.
func TestIdentityOfADeadLetter(t *testing.T) {
	id := func(value string) uuid.UUID {
		m, _ := transform(received(value), now)
		return parse(t, m).RecordID
	}
	const first = `{"event_id":"e","user":"","imported_at":"2026-01-31T12:00:00Z"}`
	if again := strings.Replace(first, "12:00", "13:00", 1); id(again) != id(first) {
		t.Error("a second import is another dead letter")
	}
	for _, other := range []string{strings.Replace(first, `"e"`, `"f"`, 1), strings.Replace(first, `""`, `" "`, 1)} {
		if id(other) == id(first) {
			t.Errorf("%s is the same dead letter as %s", other, first)
		}
	}
}

func TestEventThatGrowsBeyondTheLimit(t *testing.T) {
	small := transformer()
	small.MaxMessage = 200
	batch, letters := small.Batch(topicID, []*sarama.ConsumerMessage{received(good)}, now)
	if l := parse(t, batch[0]); letters != 1 || l.Reason != purchase.TooLarge || l.Stage != StageEncode ||
		l.EventID != "e-1" {
		t.Errorf("%d letters, %+v", letters, l)
	}
}

// Each message of a batch is what it would be alone, also where the room for
// the events turns out to be too small.
func TestBatch(t *testing.T) {
	var in []*sarama.ConsumerMessage
	for i, value := range []string{good, `{"item":"tea"}`, good, `{`, strings.Replace(good, "u1", "u2", 1)} {
		m := received(strings.Replace(value, "e-1", fmt.Sprint("e-", i), 1))
		m.Topic = strings.Repeat("t", enrichment)
		in = append(in, m)
	}
	out, letters := transformer().Batch(topicID, in, now)
	if letters != 2 {
		t.Errorf("%d letters, want 2", letters)
	}
	for i, m := range out {
		alone, _ := transform(in[i], now)
		if m.Topic != alone.Topic || !bytes.Equal(encoded(t, m.Key), encoded(t, alone.Key)) ||
			!bytes.Equal(encoded(t, m.Value), encoded(t, alone.Value)) {
			t.Errorf("message %d is %s, alone it is %s", i, encoded(t, m.Value), encoded(t, alone.Value))
		}
	}
}

func TestLongDetailIsCut(t *testing.T) {
	value := fmt.Sprintf(`{"attributes":{"%s":7}}`, strings.Repeat("ä\\n", 100_000))
	m, _ := transform(received(value), now)
	l := parse(t, m)
	if len(l.Detail) > maxDetail+3 || !utf8.ValidString(l.Detail) || strings.Contains(l.Detail, "\n") {
		t.Errorf("%d bytes of detail: %q", len(l.Detail), l.Detail)
	}
}

func TestNothingExceedsTheLimit(t *testing.T) {
	in := received(`{"user":"` + strings.Repeat("x", 3<<20) + `"}`)
	m, _ := transform(in, now)
	if size := m.ByteSize(recordVersion); size > 1<<20 {
		t.Errorf("a dead letter of %d bytes", size)
	}
}

func TestNilKey(t *testing.T) {
	in := received(good)
	in.Key = nil
	if m, dead := transform(in, now); dead || string(encoded(t, m.Key)) != "u1" {
		t.Errorf("dead %v", dead)
	}
	in.Value = nil
	m, _ := transform(in, now)
	if l := parse(t, m); m.Key != nil || m.Value != nil || l.Reason != purchase.EmptyValue {
		t.Errorf("letter %+v", l)
	}
}

// BenchmarkBatch judges and encodes purchases as `producer generate` writes
// them, and such as have no user, which end as dead letters.
func BenchmarkBatch(b *testing.B) {
	const typical = `{"event_id":"5b2c1f0e-8a57-4b1e-9d5c-3e1f2a4b6c7d","user":"user-00042","item":"item-00007","item_name":"Vintage Cake Stand",` +
		`"quantity":3,"unit_price":"12.95","currency":"GBP","order_id":"order-3f1c9a7be210","timestamp":"2026-01-02T13:04:05.678Z",` +
		`"attributes":{"country":"United Kingdom"}}`
	for name, value := range map[string]string{"event": typical,
		"letter": strings.Replace(typical, `"user":"user-00042",`, "", 1)} {
		b.Run(name, func(b *testing.B) {
			in := make([]*sarama.ConsumerMessage, 1000)
			for i := range in {
				in[i] = received(value)
			}
			t := transformer()
			b.ReportAllocs()
			for done := 0; b.Loop(); done++ {
				if done%len(in) == 0 { // an operation is one message
					t.Batch(topicID, in, now)
				}
			}
		})
	}
}
