package mapping

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"purchases/producer/internal/number"
)

// setter reads text that is not empty into the encoder's event.
type setter func(text string) error

func (e *Encoder) setter(field string) setter {
	if name, ok := strings.CutPrefix(field, attributePrefix); ok {
		return func(text string) error {
			e.attributes[name] = oneLine(text)
			return nil
		}
	}
	switch field {
	case "quantity":
		return e.setQuantity
	case "unit_price":
		return func(text string) error { return e.setMoney(field, &e.unitPrice, text) }
	case "amount":
		return func(text string) error { return e.setMoney(field, &e.amount, text) }
	case "timestamp":
		return e.setTimestamp
	case "item_name":
		return func(text string) error {
			e.Event.ItemName = oneLine(text)
			return nil
		}
	}
	target := map[string]*string{
		"event_id": &e.Event.EventID, "user": &e.Event.User, "item": &e.Event.Item,
		"currency": &e.Event.Currency, "order_id": &e.Event.OrderID,
	}[field]
	return func(text string) error {
		*target = text
		return nil
	}
}

// oneLine puts a space in place of tabs and line ends: they are how a cell was
// laid out, and no reason to lose a sale.
func oneLine(text string) string {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= utf8.RuneSelf {
			return layout.Replace(text)
		}
	}
	return text
}

var layout = strings.NewReplacer("\r\n", " ", "\t", " ", "\r", " ", "\n", " ", "\v", " ", "\f", " ",
	"\u0085", " ", "\u2028", " ", "\u2029", " ")

func (e *Encoder) setQuantity(text string) error {
	n, err := e.plan.mapping.Style.Read(text)
	if err == nil {
		e.Event.Quantity, err = n.Whole()
	}
	if err != nil {
		return fmt.Errorf("quantity %s %w", quote(text), err)
	}
	return nil
}

// setMoney reads a price. A dash says that there is none.
func (e *Encoder) setMoney(field string, to *money, text string) error {
	n, err := e.plan.mapping.Style.Read(text)
	switch {
	case errors.Is(err, number.ErrNone):
		return nil
	case err != nil:
		return fmt.Errorf("%s %s %w", field, quote(text), err)
	}
	micros, err := n.Micros()
	if err != nil {
		return fmt.Errorf("%s %s: %w", field, quote(text), err)
	}
	*to = money{micros: micros, number: n, given: true}
	return nil
}

func (e *Encoder) setTimestamp(text string) (err error) {
	e.Instant, err = e.plan.times.Read(strings.TrimSpace(text))
	e.Event.Timestamp = e.Instant.Time
	return err
}

// quote keeps an error to one line of sane length.
func quote(text string) string { return fmt.Sprintf("%.60q", text) }
