package ingest

import (
	"strings"

	"github.com/IBM/sarama"
	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/store"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
)

// Reasons of records that do not keep the contract of their topic. They are
// recorded as rejected, beside the dead letters.
const (
	invalidEvent      = "invalid_enriched_event"
	invalidDeadLetter = "invalid_dead_letter"
)

// decodeEvent turns a message of the topic of enriched events into a record.
func decodeEvent(m *sarama.ConsumerMessage) store.Record {
	e, err := enriched.Decode(m.Value)
	if err != nil {
		return rejected(m, invalidEvent, err)
	}
	out := store.Event{
		OccurredAt: e.Timestamp.UnixMilli(), ProcessedAt: e.ProcessedAt.UnixMilli(),
		ID: e.ID(), User: e.User, Item: e.Item, ItemName: e.ItemName,
		OrderNumber: e.OrderID, Currency: e.Currency, Quantity: e.Quantity,
		SourceTopic: e.Source.Topic, SourcePartition: e.Source.Partition, SourceOffset: e.Source.Offset,
	}
	if e.UnitPrice != nil {
		out.UnitPrice, out.HasPrice = int64(*e.UnitPrice), true
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

// decodeDeadLetter turns a message of the dead-letter topic into a record.
func decodeDeadLetter(m *sarama.ConsumerMessage) store.Record {
	l, err := deadletter.Parse(m)
	if err != nil {
		return rejected(m, invalidDeadLetter, err)
	}
	return store.Record{Offset: m.Offset, Rejection: &store.Rejection{
		ID: enriched.ID(l.EventID), Reason: text(string(l.Reason)), Detail: text(l.Detail),
		RejectedAt: m.Timestamp.UnixMilli(), Value: head(l.Value),
		SourceTopic: text(l.Source.Topic), SourcePartition: l.Source.Partition, SourceOffset: l.Source.Offset,
	}}
}

func rejected(m *sarama.ConsumerMessage, reason string, cause error) store.Record {
	source := enriched.Source{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset}
	return store.Record{Offset: m.Offset, Rejection: &store.Rejection{
		ID: enriched.ID(source.EventID()), Reason: reason, Detail: text(cause.Error()),
		RejectedAt: m.Timestamp.UnixMilli(), Value: head(m.Value),
		SourceTopic: m.Topic, SourcePartition: m.Partition, SourceOffset: m.Offset,
	}}
}

// text makes sure that what anybody may have written is text, and not long.
func text(s string) string {
	const limit = 500
	return strings.ToValidUTF8(s[:min(len(s), limit)], "\uFFFD")
}

func head(value []byte) []byte { return value[:min(len(value), store.MaxRejectedValue)] }
