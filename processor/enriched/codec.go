package enriched

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/producer/jsonobject"
	"purchases/producer/purchase"
	"purchases/producer/registry"
)

// wire is the JSON form of an Event.
type wire struct {
	Schema       int               `json:"schema"`
	EventID      string            `json:"event_id"`
	Kind         Kind              `json:"kind"`
	User         string            `json:"user,omitzero"`
	Item         string            `json:"item,omitzero"`
	ItemName     string            `json:"item_name,omitzero"`
	Quantity     int64             `json:"quantity,omitzero"`
	AmountMicros *int64            `json:"amount_micros,omitzero"`
	Currency     string            `json:"currency,omitzero"`
	OrderID      string            `json:"order_id,omitzero"`
	Timestamp    time.Time         `json:"timestamp"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	ImportedAt   time.Time         `json:"imported_at,omitzero"`
	RetractedAt  time.Time         `json:"retracted_at,omitzero"`
	ProcessedAt  time.Time         `json:"processed_at"`
	Source       Source            `json:"source"`
}

// Encode returns the JSON form of the event: one line, members in a fixed
// order, money as an integer of micros.
func (e *Event) Encode() ([]byte, error) { return e.AppendJSON(nil) }

// AppendJSON appends the result of [Event.Encode] to b. On an error it returns b
// unchanged.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	w := jsonobject.Begin(b)
	w.Int("schema", Schema)
	w.Text("event_id", e.EventID)
	w.Text("kind", string(e.Kind))
	if e.Kind == Retraction {
		w.Time("timestamp", e.Timestamp)
		w.OptionalTime("retracted_at", e.RetractedAt)
	} else {
		e.appendPurchase(&w)
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

func (e *Event) appendPurchase(w *jsonobject.Writer) {
	w.Text("user", e.User)
	w.Text("item", e.Item)
	w.OptionalText("item_name", e.ItemName)
	w.Int("quantity", e.Quantity)
	if e.Amount != nil {
		w.Int("amount_micros", int64(*e.Amount))
	}
	w.OptionalText("currency", e.Currency)
	w.OptionalText("order_id", e.OrderID)
	w.Time("timestamp", e.Timestamp)
	if len(e.Attributes) > 0 {
		w.Texts("attributes", e.Attributes)
	}
	w.OptionalTime("imported_at", e.ImportedAt)
}

// Decode reads the JSON form of an event, perhaps in the frame of a schema registry,
// and validates it at the time now. It
// refuses whatever the processor does not write, because others may be able to
// write to the topic.
func Decode(value []byte, now time.Time) (Event, error) {
	var w wire
	if err := json.Unmarshal(registry.Strip(value), &w); err != nil {
		return Event{}, fmt.Errorf("decode enriched event: %w", err)
	}
	e := Event{
		Event: purchase.Event{
			EventID: w.EventID, User: w.User, Item: w.Item, ItemName: w.ItemName,
			Quantity: w.Quantity, Amount: (*purchase.Micros)(w.AmountMicros), Currency: w.Currency,
			OrderID: w.OrderID, Timestamp: w.Timestamp, Attributes: w.Attributes,
			ImportedAt: w.ImportedAt, RetractedAt: w.RetractedAt,
		},
		Kind: w.Kind, ProcessedAt: w.ProcessedAt, Source: w.Source,
	}
	if e.Kind == Retraction {
		e.Op = purchase.Retract
	}
	if err := e.check(w.Schema, now); err != nil {
		return Event{}, fmt.Errorf("decode enriched event %.80q: %w", w.EventID, err)
	}
	return e, nil
}

func (e *Event) check(schema int, now time.Time) error {
	switch {
	case schema != Schema:
		return fmt.Errorf("schema %d, this program reads %d; upgrade it", schema, Schema)
	case e.EventID == "":
		return fmt.Errorf("event_id is empty")
	case e.Kind != kind(&e.Event):
		return fmt.Errorf("kind %.20q does not fit quantity %d", e.Kind, e.Quantity)
	case e.Kind == Return && e.Amount != nil && *e.Amount > 0:
		return fmt.Errorf("amount_micros %d of a return is positive", *e.Amount)
	case e.ProcessedAt.UnixMilli() <= 0 || e.ProcessedAt.After(now.Add(purchase.MaxClockSkew)):
		return fmt.Errorf("processed_at %s is before 1970 or in the future", e.ProcessedAt.Format(time.RFC3339))
	case e.Source.Topic == "" || e.Source.Partition < 0 || e.Source.Offset < 0:
		return fmt.Errorf("source %.300q is not a position", e.Source)
	}
	if err := e.checkForm(); err != nil {
		return err
	}
	return e.Validate(e.ProcessedAt)
}

// checkForm fails unless the event is in its canonical form.
func (e *Event) checkForm() error {
	want := *e
	want.Normalize()
	want.ProcessedAt = e.ProcessedAt.UTC().Truncate(time.Millisecond)
	if e.Kind == Retraction {
		want.User = ""
	}
	if !reflect.DeepEqual(*e, want) {
		return errors.New("not in canonical form: normalised text and attributes, currency in capitals, " +
			"times in UTC and whole milliseconds, and only the members of its kind")
	}
	return nil
}
