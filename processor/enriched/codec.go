package enriched

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/producer/purchase"
)

// wire is the JSON form of an Event.
type wire struct {
	Schema          int               `json:"schema"`
	EventID         string            `json:"event_id"`
	Kind            Kind              `json:"kind"`
	User            string            `json:"user"`
	Item            string            `json:"item"`
	ItemName        string            `json:"item_name,omitzero"`
	Quantity        int64             `json:"quantity"`
	UnitPriceMicros *int64            `json:"unit_price_micros,omitzero"`
	Currency        string            `json:"currency,omitzero"`
	OrderID         string            `json:"order_id,omitzero"`
	Timestamp       time.Time         `json:"timestamp"`
	Attributes      map[string]string `json:"attributes,omitempty"`
	ProcessedAt     time.Time         `json:"processed_at"`
	Source          Source            `json:"source"`
}

var encodeOptions = json.JoinOptions(json.Deterministic(true))

// Encode returns the JSON form of the event: one line, members in a fixed
// order, money as an integer of micros.
func (e *Event) Encode() ([]byte, error) {
	w := wire{
		Schema: Schema, EventID: e.EventID, Kind: e.Kind, User: e.User, Item: e.Item, ItemName: e.ItemName,
		Quantity: e.Quantity, UnitPriceMicros: (*int64)(e.UnitPrice), Currency: e.Currency, OrderID: e.OrderID,
		Timestamp: e.Timestamp, Attributes: e.Attributes, ProcessedAt: e.ProcessedAt, Source: e.Source,
	}
	b, err := json.Marshal(&w, encodeOptions)
	if err != nil {
		return nil, fmt.Errorf("encode enriched event %s: %w", e.EventID, err)
	}
	return b, nil
}

// Decode reads the JSON form of an event and checks that it keeps the
// topic's promises. It fails on anything that the processor does not write.
func Decode(value []byte) (Event, error) {
	var w wire
	if err := json.Unmarshal(value, &w); err != nil {
		return Event{}, fmt.Errorf("decode enriched event: %w", err)
	}
	e := Event{
		Event: purchase.Event{
			EventID: w.EventID, User: w.User, Item: w.Item, ItemName: w.ItemName,
			Quantity: w.Quantity, UnitPrice: (*purchase.Micros)(w.UnitPriceMicros), Currency: w.Currency,
			OrderID: w.OrderID, Timestamp: w.Timestamp, Attributes: w.Attributes,
		},
		Kind: w.Kind, ProcessedAt: w.ProcessedAt, Source: w.Source,
	}
	if err := e.check(w.Schema); err != nil {
		return Event{}, fmt.Errorf("decode enriched event %q: %w", w.EventID, err)
	}
	return e, nil
}

func (e *Event) check(schema int) error {
	switch {
	case schema != Schema:
		return fmt.Errorf("schema %d, this program reads %d; upgrade it", schema, Schema)
	case e.EventID == "":
		return fmt.Errorf("event_id is empty")
	case (e.Kind == Return) != (e.Quantity < 0) || (e.Kind != Return && e.Kind != Purchase):
		return fmt.Errorf("kind %q does not fit quantity %d", e.Kind, e.Quantity)
	}
	return e.Validate(e.ProcessedAt)
}
