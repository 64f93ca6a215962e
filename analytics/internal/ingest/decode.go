package ingest

import (
	"bytes"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/store"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// Reasons of records that do not keep the contract of their topic. They are
// recorded as rejected, beside the dead letters.
const (
	invalidEvent      = "invalid_enriched_event"
	invalidDeadLetter = "invalid_dead_letter"
)

// decoder turns the messages of one partition of the enriched events into
// records. The same text is one string in all of them.
type decoder struct {
	flat                                   enriched.Flat
	user, item, name, currency, attributes texts
	source                                 texts
	order                                  string // lines of one order follow each other
}

func (d *decoder) decode(m *sarama.ConsumerMessage) store.Record {
	f := &d.flat
	if !f.Scan(m.Value, time.Now()) || f.Kind == enriched.Retraction {
		return decodeEvent(m)
	}
	if string(f.OrderID) != d.order {
		d.order = string(f.OrderID)
	}
	return store.Record{Offset: m.Offset, Event: store.Event{
		OccurredAt: f.Timestamp, ProcessedAt: f.ProcessedAt, ID: f.ID, OrderNumber: d.order,
		User: d.user.of(f.User), Item: d.item.of(f.Item), ItemName: d.name.of(f.ItemName),
		Currency: d.currency.of(f.Currency), Attributes: d.attributes.of(f.Attributes),
		Quantity: f.Quantity, UnitPrice: f.Amount / f.Quantity, HasPrice: f.HasAmount,
		SourceTopic: d.source.of(f.SourceTopic), SourcePartition: f.SourcePartition, SourceOffset: f.SourceOffset,
	}}
}

// maxTexts bounds what a decoder remembers of one column.
const maxTexts = 4096

// texts are strings that were seen before.
type texts struct {
	known map[string]string
	last  string
}

func (t *texts) of(b []byte) string {
	if string(b) == t.last {
		return t.last
	}
	s, ok := t.known[string(b)]
	if !ok {
		if t.known == nil || len(t.known) == maxTexts {
			t.known = map[string]string{}
		}
		s = string(b)
		t.known[s] = s
	}
	t.last = s
	return s
}

// decodeEvent turns a message of the topic of enriched events into a record.
func decodeEvent(m *sarama.ConsumerMessage) store.Record {
	e, err := enriched.Decode(m.Value, time.Now())
	if err != nil {
		return rejected(m, invalidEvent, err)
	}
	if e.Kind == enriched.Retraction {
		return rejected(m, invalidEvent, errors.New("retractions are not stored"))
	}
	out := store.Event{
		OccurredAt: e.Timestamp.UnixMilli(), ProcessedAt: e.ProcessedAt.UnixMilli(),
		ID: e.ID(), User: e.User, Item: e.Item, ItemName: e.ItemName,
		OrderNumber: e.OrderID, Currency: e.Currency, Quantity: e.Quantity,
		SourceTopic: e.Source.Topic, SourcePartition: e.Source.Partition, SourceOffset: e.Source.Offset,
	}
	if e.Amount != nil {
		out.UnitPrice, out.HasPrice = int64(*e.Amount)/e.Quantity, true
	}
	if len(e.Attributes) > 0 {
		object, err := json.Marshal(e.Attributes, json.Deterministic(true))
		if err != nil {
			return rejected(m, invalidEvent, err)
		}
		out.Attributes = string(object)
	}
	return store.Record{Offset: m.Offset, Event: out}
}

// letterDecoder turns the messages of one partition of the dead letters into
// records. The same text is one string in all of them.
type letterDecoder struct {
	flat                   deadletter.Flat
	reason, detail, source texts
}

func (d *letterDecoder) decode(m *sarama.ConsumerMessage) store.Record {
	l := &d.flat
	if err := l.Parse(m); err != nil {
		return rejected(m, invalidDeadLetter, err)
	}
	return store.Record{Offset: m.Offset, Rejection: &store.Rejection{
		ID: purchase.ID(l.EventID), Reason: d.reason.of(text(l.Reason)), Detail: d.detail.of(text(l.Detail)),
		RejectedAt: m.Timestamp.UnixMilli(), Value: head(m.Value),
		SourceTopic: d.source.of(text(l.SourceTopic)), SourcePartition: l.SourcePartition, SourceOffset: l.SourceOffset,
	}}
}

func rejected(m *sarama.ConsumerMessage, reason string, cause error) store.Record {
	return store.Record{Offset: m.Offset, Rejection: &store.Rejection{
		ID: purchase.DerivedID(m.Topic, m.Partition, m.Offset), Reason: reason, Detail: string(text([]byte(cause.Error()))),
		RejectedAt: m.Timestamp.UnixMilli(), Value: head(m.Value),
		SourceTopic: m.Topic, SourcePartition: m.Partition, SourceOffset: m.Offset,
	}}
}

// text makes sure that what anybody may have written is text, and not long.
func text(b []byte) []byte {
	const limit = 500
	if b = b[:min(len(b), limit)]; utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

// head is a copy, which does not keep the whole of a fetched batch in memory.
func head(value []byte) []byte { return bytes.Clone(value[:min(len(value), store.MaxRejectedValue)]) }
