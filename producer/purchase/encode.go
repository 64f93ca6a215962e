package purchase

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Encode returns the JSON form of the event, one line, members in a fixed
// order. It fails on text that is no UTF-8. It does not call Validate: what a
// source says is sent as it is, and the reader judges it.
func (e *Event) Encode() ([]byte, error) { return e.AppendJSON(nil) }

// AppendJSON appends what [Event.Encode] returns to b. It is for writers that
// make many events a second. On an error it returns b as it was.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	out, err := e.appendMembers(b)
	if err != nil {
		return b, fmt.Errorf("encode purchase of user %q: %w", e.User, err)
	}
	return append(out, '}'), nil
}

func (e *Event) appendMembers(b []byte) (_ []byte, err error) {
	w := writer{b: b}
	w.optional(`"event_id":`, e.EventID)
	w.text(`"user":`, e.User)
	w.text(`"item":`, e.Item)
	w.optional(`"item_name":`, e.ItemName)
	w.name(`"quantity":`)
	w.b = strconv.AppendInt(w.b, e.Quantity, 10)
	if e.UnitPrice != nil {
		w.name(`"unit_price":"`)
		w.b = append(e.UnitPrice.append(w.b), '"')
	}
	w.optional(`"currency":`, e.Currency)
	w.optional(`"order_id":`, e.OrderID)
	w.timestamp(e.Timestamp)
	w.attributes(e.Attributes)
	return w.b, w.err
}

// writer appends members of a JSON object; the first error stays.
type writer struct {
	b     []byte
	err   error
	begun bool
}

func (w *writer) name(quoted string) {
	if !w.begun {
		w.b, w.begun = append(w.b, '{'), true
	} else {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, quoted...)
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.quote(value)
}

func (w *writer) optional(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) quote(s string) {
	b, err := jsontext.AppendQuote(w.b, s)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = b
}

func (w *writer) timestamp(t time.Time) {
	if t.IsZero() {
		return
	}
	w.name(`"timestamp":"`)
	b, err := t.AppendText(w.b)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(b, '"')
}

// attributes writes them in the order of their names.
func (w *writer) attributes(attributes map[string]string) {
	if len(attributes) == 0 {
		return
	}
	w.name(`"attributes":`)
	w.begun = false
	var few [4]string // what most events have, without an allocation
	names := few[:0]
	for name := range attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.name("")
		w.quote(name)
		w.b = append(w.b, ':')
		w.quote(attributes[name])
	}
	w.b = append(w.b, '}')
}
