package ingest_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/ingest"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// A decoder must keep neither a message, which is part of a large batch, nor
// what it read before.
func TestDeadLettersInTurn(t *testing.T) {
	decode := ingest.DecodeDeadLetters()
	long, cut := strings.Repeat("x", 499), strings.Repeat("x", 499)+"\uFFFD"
	for i, tt := range []struct{ detail, want string }{
		{"user is absent", "user is absent"}, {"", ""}, {"not \xff\xfe UTF-8", "not \uFFFD UTF-8"}, {long + "é", cut},
		{long + "ü", cut},
		{"user is absent", "user is absent"}, {"user is absent", "user is absent"},
	} {
		offset := int64(i)
		m := deadLetter(tt.detail, offset)
		m.Value = bytes.Repeat([]byte{byte('a' + i)}, batch.MaxRejectedValue+i)
		want := batch.Rejection{
			RecordID: purchase.DerivedID(purchase.Topic, 3, offset), Reason: string(purchase.MissingUser), Detail: tt.want,
			RejectedAt: m.Timestamp.UnixMilli(), Source: batch.Source{Topic: purchase.Topic, Partition: 3, Offset: offset},
			Value: bytes.Clone(m.Value[:batch.MaxRejectedValue]),
		}
		r := decode(m)
		clear(m.Value)
		for _, h := range m.Headers {
			clear(h.Value)
		}
		if r.Offset != offset || !reflect.DeepEqual(*r.Rejection, want) {
			t.Errorf("letter %d is %+v\nwant %+v", i, *r.Rejection, want)
		}
	}
}

// BenchmarkDecodeDeadLetter decodes two letters in turn, as a reader does.
func BenchmarkDecodeDeadLetter(b *testing.B) {
	decode := ingest.DecodeDeadLetters()
	letters := [2]*sarama.ConsumerMessage{deadLetter("user is absent or empty", 1),
		deadLetter("item is absent or empty", 2)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if r := decode(letters[i%2]); r.Rejection.Reason != string(purchase.MissingUser) {
			b.Fatalf("reason %s", r.Rejection.Reason)
		}
	}
}

func deadLetter(detail string, offset int64) *sarama.ConsumerMessage {
	l := deadletter.Letter{
		Reason: purchase.MissingUser, Detail: detail, Stage: "validate",
		EventID:  purchase.DerivedID(purchase.Topic, 3, offset).String(),
		RecordID: purchase.DerivedID(purchase.Topic, 3, offset),
		Source:   enriched.Source{Topic: purchase.Topic, Partition: 3, Offset: offset},
		Value:    []byte(`{"item":"85123A","quantity":6,"unit_price":2.55,"currency":"GBP","order_id":"536365","timestamp":"2010-12-01T08:26:00Z"}`),
	}
	sent := l.Message(deadletter.Topic)
	m := &sarama.ConsumerMessage{Topic: deadletter.Topic, Offset: offset, Value: l.Value}
	for _, h := range sent.Headers {
		m.Headers = append(m.Headers, &h)
	}
	return m
}
