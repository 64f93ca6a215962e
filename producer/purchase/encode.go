package purchase

import (
	"fmt"

	"purchases/producer/jsonobject"
)

const usualSize = 320 // bytes, at most, of an event with all fields

// Encode returns the JSON form of the event, one line, members in a fixed
// order. It fails on text that is no UTF-8. It does not call Validate: what a
// source says is sent as it is, and the reader judges it.
func (e *Event) Encode() ([]byte, error) { return e.AppendJSON(make([]byte, 0, usualSize)) }

// AppendJSON appends what [Event.Encode] returns to b. It is for writers that
// make many events a second. On an error it returns b as it was.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	w := jsonobject.Begin(b)
	w.TextIfAny("event_id", e.EventID)
	w.Text("user", e.User)
	w.Text("item", e.Item)
	w.TextIfAny("item_name", e.ItemName)
	w.Int("quantity", e.Quantity)
	if e.UnitPrice != nil {
		var digits [32]byte
		w.Text("unit_price", string(e.UnitPrice.append(digits[:0])))
	}
	w.TextIfAny("currency", e.Currency)
	w.TextIfAny("order_id", e.OrderID)
	if !e.Timestamp.IsZero() {
		w.Time("timestamp", e.Timestamp)
	}
	if len(e.Attributes) > 0 {
		w.Texts("attributes", e.Attributes)
	}
	out, err := w.End()
	if err != nil {
		return b, fmt.Errorf("encode purchase of user %q: %w", e.User, err)
	}
	return out, nil
}
