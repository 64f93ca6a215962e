package deserialize_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/purchase"
	"purchases/producer/registry"
	"purchases/producer/serialize"
)

func events() []purchase.Event {
	at := time.UnixMilli(1769860800123).UTC()
	money := func(n int64) *purchase.Micros { m := purchase.Micros(n); return &m }
	return []purchase.Event{
		{User: "u", Item: "i", Quantity: 1, Timestamp: at},
		{
			EventID: "e", User: "u", Item: "café", ItemName: "Lamp \"7\"", Quantity: -3, UnitPrice: money(0),
			Amount:   money(-9_223_372_036_854_775_807),
			Currency: "EUR", OrderID: "o", Timestamp: at, Attributes: map[string]string{"country": "DE", "x": ""},
			ImportedAt: at.Add(time.Hour),
		},
		{Op: purchase.Retract, EventID: "e", User: "u", Quantity: 1, Timestamp: at, RetractedAt: at},
	}
}

func TestWhatTheProducerWritesIsRead(t *testing.T) {
	for name, format := range serialize.Formats {
		f := newFixture(t)
		client, err := registry.Open(f.settings)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := serialize.Open(t.Context(), client, format, subject, false); err == nil {
			t.Errorf("%s: a schema that nobody has registered is found", name)
		}
		s, err := serialize.Open(t.Context(), client, format, subject, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range events() {
			text, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			value, err := s.Value(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			read, err := f.json(t, &sarama.ConsumerMessage{Value: value})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := purchase.Decode([]byte(read)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, want)
			}
		}
	}
}

func BenchmarkFormats(b *testing.B) {
	text, err := events()[1].Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			if _, err := purchase.Decode(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, format := range serialize.Formats {
		f := newFixture(b)
		s, err := serialize.New(format, f.register(b, registry.Ours(format)))
		if err != nil {
			b.Fatal(err)
		}
		value, err := s.Value(text)
		if err != nil {
			b.Fatal(err)
		}
		m := &sarama.ConsumerMessage{Value: value}
		if _, err := f.json(b, m); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var scratch []byte
			for b.Loop() {
				if scratch, _, err = f.decoders.JSON(scratch[:0], m); err != nil {
					b.Fatal(err)
				}
				if _, err := purchase.Decode(scratch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
