// Package enriched is the contract of the topic "analytics": valid purchases,
// returns and retractions in canonical form, with their identity and origin. Only
// the processor is to write the topic, but readers do not trust that.
package enriched

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"purchases/producer/purchase"
)

// Topic is the default name of the topic that carries enriched events.
const Topic = "analytics"

// Schema is the version of the JSON form.
const Schema = 1

// Kind is what an event reports: goods sold, goods returned, or that an earlier
// event is taken back.
type Kind string

// The kinds of event. The sign of the quantity tells a purchase from a return.
const (
	Purchase   Kind = "purchase"
	Return     Kind = "return"
	Retraction Kind = "retraction"
)

// Source is the position of the input record.
type Source struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// String writes the position as topic/partition/offset.
func (s Source) String() string {
	return s.Topic + "/" + strconv.FormatInt(int64(s.Partition), 10) + "/" + strconv.FormatInt(s.Offset, 10)
}

// Event is a valid purchase, return or retraction, normalised, with its
// identity and its origin.
type Event struct {
	// Event holds the purchase itself. Its EventID is never empty, its UnitPrice
	// is always nil, and its Amount is negative for a return. A retraction has
	// only Op, EventID, Timestamp and perhaps RetractedAt.
	purchase.Event
	Kind Kind
	// ProcessedAt is when the processor validated the event, in whole
	// milliseconds.
	ProcessedAt time.Time
	Source      Source
}

// Enrich normalises and validates a decoded purchase and adds its identity, its
// amount and kind, the time now and its source. A purchase without event_id gets
// recordID, the [purchase.DerivedID] of its position. The error is a
// [*purchase.Invalid].
func Enrich(p purchase.Event, source Source, recordID uuid.UUID, now time.Time) (Event, error) {
	p.Normalize()
	if err := p.Validate(now); err != nil {
		return Event{}, err
	}
	e := Event{Event: p, Kind: kind(&p), ProcessedAt: now.UTC().Truncate(time.Millisecond), Source: source}
	switch {
	case e.Kind == Retraction:
		e.Event = purchase.Event{Op: p.Op, EventID: p.EventID, Timestamp: p.Timestamp, RetractedAt: p.RetractedAt}
		return e, nil
	case p.EventID == "":
		e.EventID = recordID.String()
	default:
		e.EventID = purchase.ClaimedID(p.EventID)
	}
	e.Amount, e.UnitPrice = p.Total(), nil
	return e, nil
}

func kind(p *purchase.Event) Kind {
	switch {
	case p.Op == purchase.Retract:
		return Retraction
	case p.Quantity < 0:
		return Return
	}
	return Purchase
}

// ID returns the event_id as 16 bytes; see [purchase.ID].
func (e *Event) ID() uuid.UUID { return purchase.ID(e.EventID) }
