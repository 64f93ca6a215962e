// Package enriched is the contract of the topic "analytics": the purchase
// event after validation, in its one canonical form and with its identity and
// origin. Only the processor writes the topic.
package enriched

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"purchases/producer/purchase"
)

// Topic is the default name of the topic that carries enriched events.
const Topic = "analytics"

// Schema is the version of the JSON form that this package writes and reads.
const Schema = 1

// Kind says which way the goods went.
type Kind string

// The kinds of event: the sign of the quantity decides.
const (
	Purchase Kind = "purchase"
	Return   Kind = "return"
)

// Source is where a purchase stood on its topic.
type Source struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// String writes the position as topic/partition/offset.
func (s Source) String() string {
	return s.Topic + "/" + strconv.FormatInt(int64(s.Partition), 10) + "/" + strconv.FormatInt(s.Offset, 10)
}

// EventID derives an identity from the position: always the same for the same
// position, and different for any other (UUID version 5, RFC 9562).
func (s Source) EventID() string { return uuid.NewSHA1(namespace, []byte(s.String())).String() }

// namespace makes the project's version 5 UUIDs its own.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("purchases"))

// Event is a valid purchase, normalised, with its identity and its origin.
type Event struct {
	// Event holds the purchase itself; its EventID is never empty.
	purchase.Event
	Kind Kind
	// ProcessedAt is when the processor judged the event, in whole milliseconds.
	ProcessedAt time.Time
	Source      Source
}

// Enrich normalises and validates a decoded purchase and adds what the topic
// promises: an event_id (given, or derived from the source), the kind, the
// time now and the source. The error is a [*purchase.Invalid].
func Enrich(p purchase.Event, source Source, now time.Time) (Event, error) {
	p.Normalize()
	if err := p.Validate(now); err != nil {
		return Event{}, err
	}
	if p.EventID == "" {
		p.EventID = source.EventID()
	}
	kind := Purchase
	if p.Quantity < 0 {
		kind = Return
	}
	return Event{Event: p, Kind: kind, ProcessedAt: now.UTC().Truncate(time.Millisecond), Source: source}, nil
}

// ID returns the event_id as 16 bytes: the id itself when it is a UUID in its
// canonical 36 characters, else the version 5 UUID of its text.
func (e *Event) ID() uuid.UUID { return ID(e.EventID) }

// ID is the 16-byte form of an event_id, as [Event.ID] says.
func ID[T string | []byte](eventID T) uuid.UUID {
	text := []byte(eventID)
	if len(text) == 36 {
		if id, err := uuid.ParseBytes(text); err == nil {
			return id
		}
	}
	return uuid.NewSHA1(namespace, text)
}
