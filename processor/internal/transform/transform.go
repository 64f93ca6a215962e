// Package transform turns one message of the purchases topic into the one
// message that takes its place: an enriched event, or a dead letter that says
// which rule was broken.
//
// It does no I/O, and what it writes depends on the input message and the time
// alone. Which messages share a transaction is not its business.
package transform

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

// Stages of the work on a message, as the dead letter's header names them.
const (
	StageDecode   = "decode"
	StageValidate = "validate"
	StageEncode   = "encode"
)

const (
	recordVersion = 2    // of Kafka's record format, for the size of a message
	maxDetail     = 1024 // bytes; a decoder's message may quote the input
	enrichment    = 200  // bytes that an event gains, at most but for escapes and long topics
)

// Transformer turns messages of the input topic into messages of its two
// output topics. It has no state and may be used by many goroutines.
type Transformer struct {
	// Events and DeadLetters name the output topics.
	Events, DeadLetters string
	// MaxMessage is how many bytes an output message may have; an event that
	// would have more becomes a dead letter.
	MaxMessage int
}

// slot is one output message, with the memory for its key and value.
type slot struct {
	message    sarama.ProducerMessage
	key, value kafka.Text
}

// Batch returns what takes the place of each message, in their order, judged at
// the time now, and how many of these are dead letters. All messages are of the
// topic with the id (KIP-516). An event's key is its
// user; a dead letter's key is that of the input. All of it shares memory with
// each other, and dead letters with the input.
func (t *Transformer) Batch(topicID string, in []*sarama.ConsumerMessage, now time.Time) (out []*sarama.ProducerMessage, letters int) {
	slots := make([]slot, len(in))
	out = make([]*sarama.ProducerMessage, len(in))
	space := make([]byte, 0, roomFor(in))
	for i, m := range in {
		var dead bool
		if space, dead = t.message(&slots[i], space, input{m, purchase.DerivedID(topicID, m.Partition, m.Offset)}, now); dead {
			letters++
		}
		out[i] = &slots[i].message
	}
	return out, letters
}

// roomFor is how many bytes the events need, about; what they gain is mostly
// the same for all.
func roomFor(in []*sarama.ConsumerMessage) (size int) {
	for _, m := range in {
		size += len(m.Value) + enrichment
	}
	return size
}

// input is a message with the id of its position.
type input struct {
	*sarama.ConsumerMessage
	recordID uuid.UUID
}

func (in input) source() enriched.Source {
	return enriched.Source{Topic: in.Topic, Partition: in.Partition, Offset: in.Offset}
}

// message puts what takes the place of the message into the slot. An event
// goes to the end of space.
func (t *Transformer) message(s *slot, space []byte, in input, now time.Time) (_ []byte, dead bool) {
	space, refused := t.event(s, space, in, now)
	if refused != nil {
		s.message = *letter(in, refused).Message(t.DeadLetters)
	}
	s.message.Timestamp = now
	return space, refused != nil
}

// refusal says at which stage an input failed, and why. The id is the one that
// it gives, where it could be read.
type refusal struct {
	stage, id string
	err       error
}

func (t *Transformer) event(s *slot, space []byte, in input, now time.Time) ([]byte, *refusal) {
	bought, err := purchase.Decode(in.Value)
	if err != nil {
		return space, &refusal{StageDecode, givenID(in.Value), err}
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
	out, err := event.AppendJSON(space)
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
	return &deadletter.Letter{
		Reason: invalid.Reason, Detail: shorten(invalid.Detail), Stage: why.stage,
		EventID: eventID(why.id, in.recordID), RecordID: in.recordID, Source: in.source(),
		Key: in.Key, Value: in.Value, Headers: headers(in.Headers),
	}
}

// givenID reads the id from a value that is no event, because the decoder stops
// before the members that follow what it fails at.
func givenID(value []byte) string {
	var given struct {
		EventID string `json:"event_id"`
	}
	_ = json.Unmarshal(value, &given)
	return given.EventID
}

// eventID is the id that the input gives, if it is short enough for one, else
// that of the record.
func eventID(given string, recordID uuid.UUID) string {
	p := purchase.Event{EventID: given}
	p.Normalize()
	if p.EventID == "" || len(p.EventID) > purchase.MaxID {
		return recordID.String()
	}
	return p.EventID
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
