package purchase

import (
	"fmt"

	"purchases/producer/jsonobject"
)

const usualSize = 320 // bytes, at most, of an event with all fields

// Encode returns the JSON form of the event: one line, members in a fixed order.
// It fails on text that is not UTF-8. It does not call Validate: the reader of
// the topic judges the event.
func (e *Event) Encode() ([]byte, error) { return e.AppendJSON(make([]byte, 0, usualSize)) }

// AppendJSON appends the result of [Event.Encode] to b, for writers of many events
// per second. On an error it returns b unchanged.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	w := jsonobject.Begin(b)
	if e.Op == Retract {
		e.appendRetraction(&w)
	} else {
		e.appendMembers(&w)
	}
	out, err := w.End()
	if err != nil {
		return b, fmt.Errorf("encode purchase of user %.80q: %w", e.User, err)
	}
	return out, nil
}

func (e *Event) appendRetraction(w *jsonobject.Writer) {
	w.Text("op", string(e.Op))
	w.OptionalText("event_id", e.EventID)
	w.OptionalText("user", e.User)
	w.OptionalTime("timestamp", e.Timestamp)
	w.OptionalTime("retracted_at", e.RetractedAt)
}

func (e *Event) appendMembers(w *jsonobject.Writer) {
	w.OptionalText("op", string(e.Op))
	w.OptionalText("event_id", e.EventID)
	w.Text("user", e.User)
	w.Text("item", e.Item)
	w.OptionalText("item_name", e.ItemName)
	w.Int("quantity", e.Quantity)
	appendMoney(w, "unit_price", e.UnitPrice)
	appendMoney(w, "amount", e.Amount)
	w.OptionalText("currency", e.Currency)
	w.OptionalText("order_id", e.OrderID)
	w.OptionalTime("timestamp", e.Timestamp)
	if len(e.Attributes) > 0 {
		w.Texts("attributes", e.Attributes)
	}
	w.OptionalTime("imported_at", e.ImportedAt)
}

func appendMoney(w *jsonobject.Writer, name string, money *Micros) {
	if money != nil {
		var digits [32]byte
		w.Text(name, string(money.append(digits[:0])))
	}
}
