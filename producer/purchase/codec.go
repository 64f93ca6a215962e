package purchase

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// wire is the JSON form of an Event. Pointers tell an absent value from zero.
type wire struct {
	Op         string            `json:"op,omitzero"`
	EventID    string            `json:"event_id,omitzero"`
	User       string            `json:"user"`
	Item       string            `json:"item"`
	ItemName   string            `json:"item_name,omitzero"`
	Quantity   *int64            `json:"quantity"`
	UnitPrice  *Micros           `json:"unit_price,omitzero"`
	Amount     *Micros           `json:"amount,omitzero"`
	Currency   string            `json:"currency,omitzero"`
	OrderID    string            `json:"order_id,omitzero"`
	Timestamp  time.Time         `json:"timestamp,omitzero"`
	Attributes map[string]string `json:"attributes,omitempty"`

	ImportedAt  time.Time `json:"imported_at,omitzero"`
	RetractedAt time.Time `json:"retracted_at,omitzero"`
}

// Decode reads the JSON form of an event. Unknown members are ignored. The
// error is an [*Invalid] with the reason; the event is then what was read of
// it up to there. Decode does not call Normalize or Validate.
func Decode(value []byte) (Event, error) {
	if err := checkValue(value); err != nil {
		return Event{}, err
	}
	if e, ok := decodePlain(string(value)); ok {
		return e, nil
	}
	return decode(value)
}

func decode(value []byte) (Event, error) {
	var w wire
	err := json.Unmarshal(value, &w)
	e := Event{
		Op: Op(w.Op), User: w.User, Item: w.Item, Timestamp: w.Timestamp,
		EventID: w.EventID, OrderID: w.OrderID, ItemName: w.ItemName,
		Quantity: 1, UnitPrice: w.UnitPrice, Amount: w.Amount, Currency: w.Currency, Attributes: w.Attributes,
		ImportedAt: w.ImportedAt, RetractedAt: w.RetractedAt,
	}
	if w.Quantity != nil {
		e.Quantity = *w.Quantity
	}
	if err != nil {
		return e, classify(err)
	}
	return e, nil
}

// checkValue catches what the decoder would let pass or name less clearly.
func checkValue(value []byte) error {
	switch trimmed := bytes.TrimLeft(value, " \t\r\n"); {
	case len(trimmed) == 0:
		return invalid(EmptyValue, "the message has no value")
	case len(value) > MaxValue:
		return invalid(TooLarge, "%d bytes, at most %d are accepted", len(value), MaxValue)
	case !utf8.Valid(value):
		return invalid(InvalidUTF8, "the value is not UTF-8")
	case trimmed[0] != '{':
		return invalid(InvalidJSON, "the value is not a JSON object")
	}
	return nil
}

// classify turns the decoder's error into the rule that was broken.
func classify(err error) error {
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return invalid(DuplicateName, "%v", err)
	case !errors.As(err, &semantic):
		return invalid(InvalidJSON, "%v", err)
	}
	field, _, _ := strings.Cut(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/")
	if errors.Is(err, errMicrosTooBig) {
		return invalid(AmountTooLarge, "%s: %s", field, cause(semantic))
	}
	return invalid(typeReason(field), "%s: %s", field, cause(semantic))
}

func typeReason(field string) Reason {
	switch field {
	case "timestamp":
		return InvalidTimestamp
	case "quantity":
		return InvalidQuantity
	case "unit_price":
		return InvalidPrice
	case "amount":
		return InvalidAmount
	case "op":
		return InvalidOp
	case "imported_at":
		return InvalidImportedAt
	case "retracted_at":
		return InvalidRetractedAt
	case "attributes":
		return InvalidAttributes
	}
	return InvalidType
}

// cause says what was found, without the decoder's talk of Go types.
func cause(err *json.SemanticError) string {
	if err.Err != nil {
		return err.Err.Error()
	}
	return fmt.Sprintf("a JSON %v is not accepted here", err.JSONKind)
}
