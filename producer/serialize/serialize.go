// Package serialize writes purchases as serializers of a schema registry do: in
// Avro, Protobuf or JSON Schema, behind the id of our schema.
package serialize

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"purchases/producer/purchase"
	"purchases/producer/registry"
)

// Formats are the values of --value-format that need a registry.
var Formats = map[string]sr.SchemaType{"avro": sr.TypeAvro, "protobuf": sr.TypeProtobuf, "json-schema": sr.TypeJSON}

// Serializer turns the JSON of events into values with a schema.
type Serializer struct {
	frame  []byte
	append func(b []byte, e *purchase.Event) ([]byte, error) // nil keeps the JSON
}

// Open looks up our schema of the format in the subject, or registers it if it may.
func Open(ctx context.Context, client *registry.Client, format sr.SchemaType, subject string,
	register bool) (*Serializer, error) {
	find := client.Lookup
	if register {
		find = client.Register
	}
	id, err := find(ctx, subject, registry.Ours(format))
	if errors.Is(err, registry.ErrNotFound) {
		return nil, fmt.Errorf("%w; register it with --register-schema or producer topics create --value-format", err)
	}
	if err != nil {
		return nil, err
	}
	return New(format, id)
}

// New returns the serializer for our schema with that id.
func New(format sr.SchemaType, id int32) (s *Serializer, err error) {
	s = &Serializer{frame: registry.Append(nil, id)}
	switch format {
	case sr.TypeAvro:
		s.append, err = newAvro()
	case sr.TypeProtobuf:
		s.frame = append(s.frame, 0) // the first message of the schema
		s.append = appendMessage
	}
	return s, err
}

// Value returns the value for the JSON of an event. JSON that is no event stays as
// it is: no schema can express it, and the reader of the topic judges it.
func (s *Serializer) Value(json []byte) ([]byte, error) {
	b := make([]byte, 0, len(s.frame)+len(json))
	b = append(b, s.frame...)
	if s.append == nil {
		return append(b, json...), nil
	}
	e, err := purchase.Decode(json)
	if err != nil {
		return json, nil
	}
	return s.append(b, &e)
}

// record is an event under our Avro schema.
type record struct {
	Op          *string           `avro:"op"`
	EventID     *string           `avro:"event_id"`
	User        *string           `avro:"user"`
	Item        *string           `avro:"item"`
	ItemName    *string           `avro:"item_name"`
	Quantity    int64             `avro:"quantity"`
	UnitPrice   *big.Rat          `avro:"unit_price"`
	Amount      *big.Rat          `avro:"amount"`
	Currency    *string           `avro:"currency"`
	OrderID     *string           `avro:"order_id"`
	Timestamp   *time.Time        `avro:"timestamp"`
	Attributes  map[string]string `avro:"attributes"`
	ImportedAt  *time.Time        `avro:"imported_at"`
	RetractedAt *time.Time        `avro:"retracted_at"`
}

func newAvro() (func([]byte, *purchase.Event) ([]byte, error), error) {
	schema, err := avro.Parse(purchase.AvroSchema)
	if err != nil {
		return nil, fmt.Errorf("parse our Avro schema: %w", err)
	}
	return func(b []byte, e *purchase.Event) ([]byte, error) {
		return schema.AppendEncode(b, &record{
			Op: given(string(e.Op)), EventID: given(e.EventID), User: given(e.User), Item: given(e.Item),
			ItemName: given(e.ItemName),
			Quantity: e.Quantity, UnitPrice: decimal(e.UnitPrice), Amount: decimal(e.Amount), Currency: given(e.Currency),
			OrderID: given(e.OrderID), Timestamp: instant(e.Timestamp), Attributes: e.Attributes,
			ImportedAt: instant(e.ImportedAt), RetractedAt: instant(e.RetractedAt),
		})
	}, nil
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func decimal(m *purchase.Micros) *big.Rat {
	if m == nil {
		return nil
	}
	return big.NewRat(int64(*m), 1_000_000)
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
