// Package transform turns each message of the topic of purchases into one output
// message: an enriched event, or a dead letter that names the broken rule.
//
// It does no I/O. The output depends only on the input message, its schema if it has
// one, the topic's id and the time.
package transform

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/deserialize"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

// Stages of the transformation, as the dead letter's header names them.
const (
	StageDecode   = "decode"
	StageValidate = "validate"
	StageEncode   = "encode"
)

const (
	recordVersion = 2    // of Kafka's record format, for the size of a message
	maxDetail     = 1024 // bytes
	enrichment    = 200  // bytes by which an event grows, except for escapes and long topic names
)

// Transformer turns messages of the input topic into messages of the two output
// topics. It has no state, so many goroutines may use it.
type Transformer struct {
	// Events and DeadLetters name the output topics.
	Events, DeadLetters string
	// MaxMessage is the limit in bytes of an output message. An event that would
	// exceed it becomes a dead letter.
	MaxMessage int
	// Frame begins the value of each event: that of its schema in a registry, or nil.
	Frame []byte
	// Schemas decodes values in the frame of a schema registry. Nil is for a
	// processor without one.
	Schemas *deserialize.Decoders
}

// slot is one output message, with the memory for its key and value.
type slot struct {
	message    sarama.ProducerMessage
	key, value kafka.Text
}

// Batch returns the output of each message, in order, validated at the time now,
// and the number of dead letters among them. All messages are from the topic with
// that id (KIP-516). The key of an event is its user; the key of a retraction or a
// dead letter is that of the input. The outputs share memory with each other, and
// dead letters share memory with the input.
//
// Batch ends before a message whose schema is not in memory: out is then shorter
// than in, and [deserialize.Decoders.Fetch] gets the schema.
func (t *Transformer) Batch(topicID string, in []*sarama.ConsumerMessage, now time.Time) (
	out []*sarama.ProducerMessage, letters int,
) {
	slots := make([]slot, len(in))
	out = make([]*sarama.ProducerMessage, len(in))
	space := make([]byte, 0, roomFor(in))
	var scratch []byte
	for i, m := range in {
		value, known, err := t.Schemas.JSON(scratch[:0], m)
		if !known {
			return out[:i], letters
		}
		if len(value) > 0 && len(m.Value) > 0 && &value[0] != &m.Value[0] {
			scratch = value
		}
		received := input{m, value, err, purchase.DerivedID(topicID, m.Partition, m.Offset)}
		var dead bool
		if space, dead = t.message(&slots[i], space, received, now); dead {
			letters++
		}
		out[i] = &slots[i].message
	}
	return out, letters
}

// roomFor estimates how many bytes the events need.
func roomFor(in []*sarama.ConsumerMessage) (size int) {
	for _, m := range in {
		size += len(m.Value) + enrichment
	}
	return size
}

// input is a message with the JSON of its event, or why it has none, and the id of
// its position.
type input struct {
	*sarama.ConsumerMessage
	json     []byte
	err      error
	recordID uuid.UUID
}

func (in input) source() enriched.Source {
	return enriched.Source{Topic: in.Topic, Partition: in.Partition, Offset: in.Offset}
}

// message puts the output of a message into the slot. It appends the text of an
// event to space.
func (t *Transformer) message(s *slot, space []byte, in input, now time.Time) (_ []byte, dead bool) {
	space, refused := t.event(s, space, in, now)
	if refused != nil {
		s.message = *letter(in, refused).Message(t.DeadLetters)
	}
	s.message.Timestamp = now
	return space, refused != nil
}

// refusal is why an input failed and at which stage. The id is the event_id that it
// gives, if that could be read.
type refusal struct {
	stage, id string
	err       error
}

func (t *Transformer) event(s *slot, space []byte, in input, now time.Time) ([]byte, *refusal) {
	if in.err != nil {
		return space, &refusal{StageDecode, "", in.err}
	}
	bought, err := purchase.Decode(in.json)
	if err != nil {
		return space, &refusal{StageDecode, bought.EventID, err}
	}
	event, err := enriched.Enrich(bought, in.source(), in.recordID, now)
	if err != nil {
		return space, &refusal{StageValidate, bought.EventID, err}
	}
	start := len(space)
	if event.Kind == enriched.Retraction {
		space = append(space, in.Key...)
	} else {
		space = append(space, event.User...)
	}
	end := len(space)
	out, err := event.AppendJSON(append(space, t.Frame...))
	if err != nil {
		return space[:start], &refusal{StageEncode, bought.EventID, err}
	}
	s.key, s.value = out[start:end:end], out[end:len(out):len(out)]
	s.message = sarama.ProducerMessage{Topic: t.Events, Key: &s.key, Value: &s.value}
	if event.Kind == enriched.Retraction && in.Key == nil {
		s.message.Key = nil
	}
	if size := s.message.ByteSize(recordVersion); size > t.MaxMessage {
		return space[:start], &refusal{StageEncode, bought.EventID, &purchase.Invalid{
			Reason: purchase.TooLarge,
			Detail: fmt.Sprintf("%d bytes when enriched, at most %d can be sent", size, t.MaxMessage),
		}}
	}
	return out, nil
}

func letter(in input, why *refusal) *deadletter.Letter {
	var invalid *purchase.Invalid
	if !errors.As(why.err, &invalid) {
		invalid = &purchase.Invalid{Reason: purchase.InvalidJSON, Detail: why.err.Error()}
	}
	eventID := givenID(why.id)
	return &deadletter.Letter{
		Reason: invalid.Reason, Detail: shorten(invalid.Detail), Stage: why.stage,
		EventID: cmp.Or(eventID, in.recordID.String()), RecordID: letterID(in, eventID), Source: in.source(),
		Key: in.Key, Value: in.Value, Headers: headers(in.Headers),
	}
}

// givenID is the id that the input gives, empty if there is none or it is too
// long.
func givenID(given string) string {
	p := purchase.Event{EventID: given}
	p.Normalize()
	if len(p.EventID) > purchase.MaxID {
		return ""
	}
	return p.EventID
}

// letterID is the identity of the dead letter: that of the input's position or,
// where the input gives an event_id, of that id and the value. So the same file
// imported twice repeats its dead letters, and other values with one event_id
// are other dead letters. When the value was written does not count.
func letterID(in input, eventID string) uuid.UUID {
	if eventID == "" {
		return in.recordID
	}
	text := append([]byte(eventID), 0)
	return purchase.TextID(append(text, withoutWritingTimes(in.Value)...))
}

// withoutWritingTimes leaves out the members that say when the producer wrote the
// value, in the form in which it writes them.
func withoutWritingTimes(value []byte) []byte {
	for _, member := range []string{`"imported_at":"`, `"retracted_at":"`} {
		start := bytes.Index(value, []byte(member))
		if start < 0 {
			continue
		}
		length := bytes.IndexByte(value[start+len(member):], '"')
		if length < 0 {
			continue
		}
		end := start + len(member) + length + 1
		value = append(bytes.Clone(value[:start]), value[end:]...)
	}
	return value
}

func shorten(detail string) string {
	if len(detail) > maxDetail {
		detail = detail[:maxDetail] + "..."
	}
	return strings.ToValidUTF8(strings.ReplaceAll(detail, "\n", " "), "")
}

func headers(in []*sarama.RecordHeader) []sarama.RecordHeader {
	out := make([]sarama.RecordHeader, len(in))
	for i, h := range in {
		out[i] = *h
	}
	return out
}
