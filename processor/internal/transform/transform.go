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

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
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

// Message returns what takes the place of the message, judged at the time now,
// and whether that is a dead letter. An event's key is its user; a dead
// letter's key is that of the input.
func (t *Transformer) Message(in *sarama.ConsumerMessage, now time.Time) (out *sarama.ProducerMessage, dead bool) {
	source := enriched.Source{Topic: in.Topic, Partition: in.Partition, Offset: in.Offset}
	out, stage, err := t.event(in.Value, source, now)
	if err != nil {
		out = letter(in, source, stage, err).Message(t.DeadLetters)
	}
	out.Timestamp = now
	return out, err != nil
}

func (t *Transformer) event(value []byte, source enriched.Source, now time.Time) (out *sarama.ProducerMessage, stage string, err error) {
	bought, err := purchase.Decode(value)
	if err != nil {
		return nil, StageDecode, err
	}
	event, err := enriched.Enrich(bought, source, now)
	if err != nil {
		return nil, StageValidate, err
	}
	encoded, err := event.Encode()
	if err != nil {
		return nil, StageEncode, err
	}
	out = &sarama.ProducerMessage{
		Topic: t.Events,
		Key:   sarama.StringEncoder(event.User),
		Value: sarama.ByteEncoder(encoded),
	}
	if size := out.ByteSize(recordVersion); size > t.MaxMessage {
		return nil, StageEncode, &purchase.Invalid{
			Reason: purchase.TooLarge,
			Detail: fmt.Sprintf("%d bytes when enriched, at most %d can be sent", size, t.MaxMessage),
		}
	}
	return out, "", nil
}

func letter(in *sarama.ConsumerMessage, source enriched.Source, stage string, cause error) *deadletter.Letter {
	reason, detail := purchase.InvalidJSON, cause.Error()
	var invalid *purchase.Invalid
	if errors.As(cause, &invalid) {
		reason, detail = invalid.Reason, invalid.Detail
	}
	return &deadletter.Letter{
		Reason: reason, Detail: shorten(detail), Stage: stage,
		EventID: eventID(in.Value, source), Source: source,
		Key: in.Key, Value: in.Value, Headers: headers(in.Headers),
	}
}

// eventID is the id that the value gives, as far as it can be read and is
// short enough for one, else the id of the source. It reads the value again
// because a decoder that fails stops before the members that follow.
func eventID(value []byte, source enriched.Source) string {
	var given struct {
		EventID string `json:"event_id"`
	}
	_ = json.Unmarshal(value, &given)
	p := purchase.Event{EventID: given.EventID}
	p.Normalize()
	if p.EventID == "" || len(p.EventID) > purchase.MaxID {
		return source.EventID()
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
