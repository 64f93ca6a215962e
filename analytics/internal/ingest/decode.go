package ingest

import (
	"bytes"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"purchases/analytics/internal/batch"
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
	topicID                                string
	flat                                   enriched.Flat
	user, item, name, currency, attributes texts
	source                                 texts
	order                                  string // lines of one order follow each other
}

func (d *decoder) decode(m *sarama.ConsumerMessage) batch.Record {
	f := &d.flat
	now := time.Now()
	if !f.Scan(m.Value, now) {
		return decodeEvent(m, d.topicID, now)
	}
	identity := batch.Identity{OccurredAt: f.Timestamp, ID: f.ID}
	source := batch.Source{Topic: d.source.of(f.SourceTopic), Partition: f.SourcePartition, Offset: f.SourceOffset}
	if f.Kind == enriched.Retraction {
		return batch.Record{Offset: m.Offset,
			Retraction: &batch.Retraction{Identity: identity, RetractedAt: f.RetractedAt, Source: source}}
	}
	if string(f.OrderID) != d.order {
		d.order = string(f.OrderID)
	}
	return batch.Record{Offset: m.Offset, Event: batch.Event{
		Identity: identity, ProcessedAt: f.ProcessedAt, ImportedAt: f.ImportedAt, GivenID: givenID(f.EventID, f.ID),
		OrderNumber: d.order,
		User:        d.user.of(f.User), Item: d.item.of(f.Item), ItemName: d.name.of(f.ItemName),
		Currency: d.currency.of(f.Currency), Attributes: d.attributes.of(f.Attributes),
		Quantity: f.Quantity, Amount: f.Amount, HasAmount: f.HasAmount, Source: source,
	}}
}

// givenID is the text of an event_id that is no UUID itself.
func givenID[T string | []byte](text T, id uuid.UUID) string {
	if len(text) == 36 {
		if parsed, err := uuid.ParseBytes([]byte(text)); err == nil && parsed == id {
			return ""
		}
	}
	return string(text)
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
func decodeEvent(m *sarama.ConsumerMessage, topicID string, now time.Time) batch.Record {
	e, err := enriched.Decode(m.Value, now)
	if err != nil {
		return rejected(m, topicID, invalidEvent, err)
	}
	identity := batch.Identity{OccurredAt: e.Timestamp.UnixMilli(), ID: e.ID()}
	source := batch.Source{Topic: e.Source.Topic, Partition: e.Source.Partition, Offset: e.Source.Offset}
	if e.Kind == enriched.Retraction {
		return batch.Record{Offset: m.Offset,
			Retraction: &batch.Retraction{Identity: identity, RetractedAt: millis(e.RetractedAt), Source: source}}
	}
	out := batch.Event{
		Identity: identity, ProcessedAt: e.ProcessedAt.UnixMilli(), ImportedAt: millis(e.ImportedAt),
		GivenID: givenID(e.EventID, e.ID()),
		User:    e.User, Item: e.Item, ItemName: e.ItemName, OrderNumber: e.OrderID, Currency: e.Currency,
		Quantity: e.Quantity, Source: source,
	}
	if e.Amount != nil {
		out.Amount, out.HasAmount = int64(*e.Amount), true
	}
	if len(e.Attributes) > 0 {
		object, err := json.Marshal(e.Attributes, json.Deterministic(true))
		if err != nil {
			return rejected(m, topicID, invalidEvent, err)
		}
		out.Attributes = string(object)
	}
	return batch.Record{Offset: m.Offset, Event: out}
}

// millis is 0 for no time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// letterDecoder turns the messages of one partition of the dead letters into
// records. The same text is one string in all of them.
type letterDecoder struct {
	topicID                string
	own                    []string // topics that this program reads itself
	flat                   deadletter.Flat
	reason, detail, source texts
}

func (d *letterDecoder) decode(m *sarama.ConsumerMessage) batch.Record {
	l := &d.flat
	if err := l.Parse(m); err != nil {
		return rejected(m, d.topicID, invalidDeadLetter, err)
	}
	if l.Offsets > 0 {
		return d.decodeExpired(m)
	}
	return batch.Record{Offset: m.Offset, Rejection: &batch.Rejection{
		RecordID: l.RecordID, Reason: d.reason.of(text(l.Reason)), Detail: d.detail.of(text(l.Detail)),
		RejectedAt: m.Timestamp.UnixMilli(), Value: head(m.Value),
		Source: batch.Source{Topic: d.source.of(text(l.SourceTopic)), Partition: l.SourcePartition, Offset: l.SourceOffset},
	}}
}

// decodeExpired believes nothing about the topics that this program reads itself:
// what it has missed there it knows best.
func (d *letterDecoder) decodeExpired(m *sarama.ConsumerMessage) batch.Record {
	topic := d.source.of(text(d.flat.SourceTopic))
	if slices.Contains(d.own, topic) {
		return rejected(m, d.topicID, invalidDeadLetter,
			fmt.Errorf("it tells of expired offsets of topic %q, which is not read by the processor", topic))
	}
	return batch.Record{Offset: m.Offset, Expired: &batch.Expired{
		Source:  batch.Source{Topic: topic, Partition: d.flat.SourcePartition, Offset: d.flat.SourceOffset},
		Offsets: d.flat.Offsets, RecordedAt: m.Timestamp.UnixMilli(),
	}}
}

func rejected(m *sarama.ConsumerMessage, topicID, reason string, cause error) batch.Record {
	return batch.Record{Offset: m.Offset, Rejection: &batch.Rejection{
		RecordID: purchase.DerivedID(topicID, m.Partition, m.Offset), Reason: reason,
		Detail:     string(text([]byte(cause.Error()))),
		RejectedAt: m.Timestamp.UnixMilli(), Value: head(m.Value),
		Source: batch.Source{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset},
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
func head(value []byte) []byte { return bytes.Clone(value[:min(len(value), batch.MaxRejectedValue)]) }
