package deadletter_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"pgregory.net/rapid"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

func letter() deadletter.Letter {
	return deadletter.Letter{
		Reason: purchase.MissingUser, Detail: "user is absent or empty", Stage: "validate", EventID: "id-1",
		RecordID: purchase.DerivedID("topic", 3, 42), Source: enriched.Source{Topic: "purchases", Partition: 3, Offset: 42},
		Key: []byte("k"), Value: []byte(`{"item":"i"}`),
		Headers: []sarama.RecordHeader{header("trace", "abc"), header("trace", "def"), header("empty", "")},
	}
}

func header(name, value string) sarama.RecordHeader {
	return sarama.RecordHeader{Key: []byte(name), Value: []byte(value)}
}

// delivered is the message as a consumer gets it.
func delivered(m *sarama.ProducerMessage) *sarama.ConsumerMessage {
	got := &sarama.ConsumerMessage{Topic: m.Topic, Partition: 1, Offset: 7}
	if m.Key != nil {
		got.Key, _ = m.Key.Encode()
	}
	if m.Value != nil {
		got.Value, _ = m.Value.Encode()
	}
	for _, h := range m.Headers {
		got.Headers = append(got.Headers, &h)
	}
	return got
}

func parse(t *testing.T, l deadletter.Letter) (deadletter.Letter, *sarama.ConsumerMessage) {
	t.Helper()
	m := delivered(l.Message(deadletter.Topic))
	got, err := deadletter.Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	return got, m
}

// value is the last header of the name, or empty.
func value(m *sarama.ConsumerMessage, name string) (v string) {
	for _, h := range m.Headers {
		if string(h.Key) == name {
			v = string(h.Value)
		}
	}
	return v
}

func TestParseReadsWhatMessageWrites(t *testing.T) {
	first, again := letter(), letter() // a letter that was sent again and refused again
	again.Headers = first.Message("t").Headers
	bare := letter()
	bare.Key, bare.Value, bare.Headers = nil, nil, nil
	for name, want := range map[string]deadletter.Letter{"usual": letter(), "no key, value, headers": bare,
		"headers with our names": again} {
		t.Run(name, func(t *testing.T) {
			if got, _ := parse(t, want); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestHeadersHaveTheNamesOfKafkaConnect(t *testing.T) {
	_, m := parse(t, letter())
	for name, want := range map[string]string{
		"__connect.errors.topic":             "purchases",
		"__connect.errors.partition":         "3",
		"__connect.errors.offset":            "42",
		"__connect.errors.stage":             "validate",
		"__connect.errors.exception.message": "user is absent or empty",
		"purchases.reason":                   "missing_user",
		"purchases.event_id":                 "id-1",
	} {
		if got := value(m, name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
}

func TestLongValueAndKeyAreCut(t *testing.T) {
	l := letter()
	l.Value = bytes.Repeat([]byte("v"), deadletter.MaxValue+1)
	l.Key = bytes.Repeat([]byte("k"), deadletter.MaxKey+1)
	got, m := parse(t, l)
	if len(got.Value) != deadletter.MaxValue || len(got.Key) != deadletter.MaxKey || !got.Cut {
		t.Errorf("value of %d bytes, key of %d, Cut %v", len(got.Value), len(got.Key), got.Cut)
	}
	sum := sha256.Sum256(l.Value)
	for name, want := range map[string]string{
		deadletter.HeaderLength: "524289", deadletter.HeaderSHA256: hex.EncodeToString(sum[:]),
		deadletter.HeaderKeyLength: "65537",
	} {
		if got := value(m, name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
}

func TestWhatFitsIsWhole(t *testing.T) {
	l := letter()
	l.Value = bytes.Repeat([]byte("v"), deadletter.MaxValue)
	l.Key = bytes.Repeat([]byte("k"), deadletter.MaxKey)
	if got, _ := parse(t, l); !reflect.DeepEqual(got, l) {
		t.Errorf("value of %d bytes, key of %d, Cut %v", len(got.Value), len(got.Key), got.Cut)
	}
}

func TestTooManyHeadersAreDropped(t *testing.T) {
	long, many := letter(), letter()
	long.Headers = []sarama.RecordHeader{header("a", strings.Repeat("x", deadletter.MaxHeaders)), header("b", "")}
	many.Headers = make([]sarama.RecordHeader, 100_000)
	for want, l := range map[string]deadletter.Letter{"2": long, "100000": many} {
		got, m := parse(t, l)
		if len(got.Headers) != 0 || !got.Cut || value(m, deadletter.HeaderDropped) != want {
			t.Errorf("%d headers, Cut %v, dropped %q, want %s", len(got.Headers), got.Cut, value(m, deadletter.HeaderDropped),
				want)
		}
	}
}

// A letter that the broker refused would abort the processor's transaction for ever.
func TestNoLetterIsTooLarge(t *testing.T) {
	size := rapid.SampledFrom([]int{0, 1, 1000, 64 << 10, 64<<10 + 1, 512 << 10, 1 << 20, 3 << 20})
	rapid.Check(t, func(t *rapid.T) {
		fill := func(name string) string { return strings.Repeat("é", size.Draw(t, name)/2) }
		l := letter()
		l.Key, l.Value = []byte(fill("key")), []byte(fill("value"))
		l.Detail, l.EventID, l.Stage = fill("detail"), fill("event_id"), fill("stage")
		l.Headers = append(l.Headers, header(fill("header name"), fill("header value")))
		m := l.Message(deadletter.Topic)
		if got := m.ByteSize(2); got > purchase.MaxValue-1000 {
			t.Fatalf("the message has %d bytes", got)
		}
		for _, h := range m.Headers {
			if !bytes.Equal(bytes.ToValidUTF8(h.Value, nil), h.Value) {
				t.Fatalf("header %s is not UTF-8", h.Key)
			}
		}
	})
}

func TestForeignMessages(t *testing.T) {
	l := letter()
	whole := delivered(l.Message("t"))
	without := func(name string) (headers []*sarama.RecordHeader) {
		for _, h := range whole.Headers {
			if string(h.Key) != name {
				headers = append(headers, h)
			}
		}
		return headers
	}
	with := func(name, value string) []*sarama.RecordHeader {
		h := header(name, value)
		return append(without(name), &h)
	}
	for name, headers := range map[string][]*sarama.RecordHeader{
		"no headers":         nil,
		"no reason":          without(deadletter.HeaderReason),
		"no topic":           without(deadletter.HeaderTopic),
		"no event_id":        without(deadletter.HeaderEventID),
		"no partition":       without(deadletter.HeaderPartition),
		"offset is a word":   with(deadletter.HeaderOffset, "seven"),
		"partition too big":  with(deadletter.HeaderPartition, "99999999999"),
		"negative partition": with(deadletter.HeaderPartition, "-1"),
		"negative offset":    with(deadletter.HeaderOffset, "-1"),
	} {
		t.Run(name, func(t *testing.T) {
			l, err := deadletter.Parse(&sarama.ConsumerMessage{Topic: "dlq", Partition: 1, Offset: 7, Headers: headers})
			if err == nil || !strings.Contains(err.Error(), "dlq/1/7") {
				t.Errorf("Parse = %+v, %v, want an error that names dlq/1/7", l, err)
			}
		})
	}
}

// A mirror adds its headers at the end.
func TestHeadersAfterOursAreKept(t *testing.T) {
	l := letter()
	m := delivered(l.Message("t"))
	mirror := header("mirror", "eu-1")
	m.Headers = append(m.Headers, &mirror)
	got, err := deadletter.Parse(m)
	if want := append(l.Headers, mirror); err != nil || !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("headers %+v, %v, want %+v", got.Headers, err, want)
	}
}
