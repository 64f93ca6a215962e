package mapping

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"purchases/producer/internal/rows"
	"purchases/producer/purchase"
)

// overhead is what a record takes besides key and value, at most.
const overhead = 64

// Encoder makes messages of rows. It is not safe for concurrent use.
type Encoder struct {
	plan    *Plan
	setters []setter
	event   purchase.Event
	price   purchase.Micros
	object  object
	cells   []string
}

// setter reads text that is not empty into the encoder's event.
type setter func(text string) error

// NewEncoder returns an encoder of the plan.
func (p *Plan) NewEncoder() *Encoder {
	e := &Encoder{plan: p, cells: make([]string, len(p.columns))}
	e.event.Attributes = map[string]string{}
	for _, s := range p.steps {
		e.setters = append(e.setters, e.setter(s.field))
	}
	return e
}

// Append appends the key and the value of the row's message to b and returns
// where the value begins; no key means that the message has none. The row is
// well formed. An error says in one line what of the row is no event; b is then
// as it was.
func (e *Encoder) Append(b []byte, row *rows.Row) (out []byte, value int, err error) {
	if e.plan.asIs {
		out, value, err = e.object.pass(b, row)
	} else {
		out, value, err = e.append(b, row)
	}
	if size := len(out) - len(b) + overhead; err == nil && size > purchase.MaxValue {
		err = fmt.Errorf("its message would have %d bytes, Kafka takes at most %d", size, purchase.MaxValue)
	}
	if err != nil {
		return b, 0, err
	}
	return out, value, nil
}

func (e *Encoder) append(b []byte, row *rows.Row) (out []byte, value int, err error) {
	if err := e.read(row); err != nil {
		return b, 0, err
	}
	if e.event.EventID == "" {
		e.event.EventID = row.ID.String()
	}
	b = append(b, e.event.User...)
	out, err = e.event.AppendJSON(b)
	return out, len(b), err
}

func (e *Encoder) read(row *rows.Row) error {
	clear(e.event.Attributes)
	e.event = purchase.Event{Quantity: 1, Attributes: e.event.Attributes}
	cells := row.Cells
	if e.plan.json {
		if err := e.readObject(row.Cells[0]); err != nil {
			return err
		}
		cells = e.cells
	}
	for i, s := range e.plan.steps {
		text := s.fallback
		if s.column != none && !blank(cells[s.column]) {
			text = cells[s.column]
		}
		if blank(text) {
			continue
		}
		if err := e.setters[i](text); err != nil {
			return err
		}
	}
	return nil
}

func blank(s string) bool { return s == "" || strings.TrimSpace(s) == "" }

func (e *Encoder) setter(field string) setter {
	if name, ok := strings.CutPrefix(field, attributePrefix); ok {
		return func(text string) error { e.event.Attributes[name] = text; return nil }
	}
	switch field {
	case "quantity":
		return e.setQuantity
	case "unit_price":
		return e.setPrice
	case "timestamp":
		return e.timeSetter()
	}
	target := map[string]*string{
		"event_id": &e.event.EventID, "user": &e.event.User, "item": &e.event.Item,
		"item_name": &e.event.ItemName, "currency": &e.event.Currency, "order_id": &e.event.OrderID,
	}[field]
	return func(text string) error { *target = text; return nil }
}

func (e *Encoder) setQuantity(text string) (err error) {
	if e.event.Quantity, err = strconv.ParseInt(strings.TrimSpace(text), 10, 64); err != nil {
		return fmt.Errorf("quantity %s is not an integer", quote(text))
	}
	return nil
}

func (e *Encoder) setPrice(text string) (err error) {
	if e.price, err = purchase.ParseMicros(strings.TrimSpace(text)); err != nil {
		return fmt.Errorf("unit_price %s: %w", quote(text), err)
	}
	e.event.UnitPrice = &e.price
	return nil
}

func (e *Encoder) timeSetter() setter {
	parse := e.plan.mapping.parseTime()
	return func(text string) (err error) {
		e.event.Timestamp, err = parse(strings.TrimSpace(text))
		return err
	}
}

func (m Mapping) parseTime() func(string) (time.Time, error) {
	layout, zone := m.TimeLayout, m.Zone
	if zone == nil {
		zone = time.UTC
	}
	switch layout {
	case UnixSecond:
		return func(text string) (time.Time, error) { return parseUnix(text, 1000) }
	case UnixMilli:
		return func(text string) (time.Time, error) { return parseUnix(text, 1) }
	case "", RFC3339:
		layout = time.RFC3339
	}
	return func(text string) (time.Time, error) {
		t, err := time.ParseInLocation(layout, text, zone)
		if err != nil {
			return t, fmt.Errorf("timestamp %s does not fit the layout %q; name its own with --time-layout", quote(text), layout)
		}
		return t.UTC(), nil
	}
}

func parseUnix(text string, milliseconds int64) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > math.MaxInt64/milliseconds || n < math.MinInt64/milliseconds {
		return time.Time{}, fmt.Errorf("timestamp %s is not a whole number of Unix time", quote(text))
	}
	return time.UnixMilli(n * milliseconds).UTC(), nil
}

// quote keeps an error to one line of sane length.
func quote(text string) string { return fmt.Sprintf("%.60q", text) }
