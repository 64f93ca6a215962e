package enriched

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/producer/jsonobject"
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

// Encode returns the JSON form of the event: one line, members in a fixed
// order, money as an integer of micros.
func (e *Event) Encode() ([]byte, error) { return e.AppendJSON(nil) }

// AppendJSON appends what [Event.Encode] returns to b. On an error it returns b
// as it was.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	w := jsonobject.Begin(b)
	w.Int("schema", Schema)
	w.Text("event_id", e.EventID)
	w.Text("kind", string(e.Kind))
	w.Text("user", e.User)
	w.Text("item", e.Item)
	w.TextIfAny("item_name", e.ItemName)
	w.Int("quantity", e.Quantity)
	if e.UnitPrice != nil {
		w.Int("unit_price_micros", int64(*e.UnitPrice))
	}
	w.TextIfAny("currency", e.Currency)
	w.TextIfAny("order_id", e.OrderID)
	w.Time("timestamp", e.Timestamp)
	if len(e.Attributes) > 0 {
		w.Texts("attributes", e.Attributes)
	}
	w.Time("processed_at", e.ProcessedAt)
	w.Object("source")
	w.Text("topic", e.Source.Topic)
	w.Int("partition", int64(e.Source.Partition))
	w.Int("offset", e.Source.Offset)
	w.EndObject()
	out, err := w.End()
	if err != nil {
		return b, fmt.Errorf("encode enriched event %s: %w", e.EventID, err)
	}
	return out, nil
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
