package deserialize

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/twmb/avro"

	"purchases/producer/registry"
)

// record has a field for each member of the contract. Fields of the schema with
// other names are skipped.
type record struct {
	EventID     any `avro:"event_id"`
	User        any `avro:"user"`
	Item        any `avro:"item"`
	ItemName    any `avro:"item_name"`
	Quantity    any `avro:"quantity"`
	UnitPrice   any `avro:"unit_price"`
	Amount      any `avro:"amount"`
	Currency    any `avro:"currency"`
	OrderID     any `avro:"order_id"`
	Timestamp   any `avro:"timestamp"`
	ImportedAt  any `avro:"imported_at"`
	RetractedAt any `avro:"retracted_at"`
	Op          any `avro:"op"`
	Attributes  any `avro:"attributes"`
}

// values are in the order of members.
func (r *record) values() [len(members)]any {
	return [...]any{
		r.EventID, r.User, r.Item, r.ItemName, r.Quantity, r.UnitPrice, r.Amount, r.Currency, r.OrderID, r.Timestamp,
		r.ImportedAt, r.RetractedAt, r.Op, r.Attributes,
	}
}

// localTime and date have no zone: the text has none either, for package purchase
// to find.
const (
	localTime = "2006-01-02T15:04:05.999999999"
	maxScale  = 1000 // of a decimal, in digits
)

// logicalTypes become the texts that the JSON contract has.
var logicalTypes = []avro.SchemaOpt{
	avro.CustomType{LogicalType: "decimal", Decode: decodeDecimal},
	avro.CustomType{LogicalType: "local-timestamp-millis", AvroType: "long", Decode: timeText(time.UnixMilli)},
	avro.CustomType{LogicalType: "local-timestamp-micros", AvroType: "long", Decode: timeText(time.UnixMicro)},
	avro.CustomType{LogicalType: "date", AvroType: "int", Decode: func(v any, _ *avro.SchemaNode) (any, error) {
		days, isDays := v.(int32)
		if !isDays {
			return nil, avro.ErrSkipCustomType
		}
		return time.Unix(0, 0).UTC().AddDate(0, 0, int(days)).Format(time.DateOnly), nil
	}},
}

func timeText(instant func(int64) time.Time) func(any, *avro.SchemaNode) (any, error) {
	return func(v any, _ *avro.SchemaNode) (any, error) {
		n, isLong := v.(int64)
		if !isLong {
			return nil, avro.ErrSkipCustomType
		}
		return instant(n).UTC().Format(localTime), nil
	}
}

// decodeDecimal returns the exact digits.
func decodeDecimal(v any, schema *avro.SchemaNode) (any, error) {
	digits, isBytes := v.([]byte)
	if !isBytes || schema.Scale < 0 || schema.Scale > maxScale {
		return nil, avro.ErrSkipCustomType
	}
	if len(digits) > maxScale {
		return nil, errors.New("a decimal of more than 1000 bytes")
	}
	return withPoint(twosComplement(digits), schema.Scale), nil
}

func twosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// withPoint writes n / 10^scale.
func withPoint(n *big.Int, scale int) string {
	digits := new(big.Int).Abs(n).String()
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	if scale == 0 {
		return sign + digits
	}
	point := len(digits) - scale
	return sign + digits[:point] + "." + digits[point:]
}

func newAvro(s *registry.Schema) (decoder, error) {
	var cache avro.SchemaCache
	seen := map[string]bool{}
	for _, reference := range s.References {
		if seen[reference.Text] {
			continue // under two subjects
		}
		seen[reference.Text] = true
		if _, err := cache.Parse(reference.Text, logicalTypes...); err != nil {
			return nil, fmt.Errorf("reference %.80q: %w", reference.Name, err)
		}
	}
	schema, err := cache.Parse(s.Text, logicalTypes...)
	if err != nil {
		return nil, err
	}
	if root := schema.Root(); root.Type != "record" {
		return nil, fmt.Errorf("it is of Avro type %.40q, want a record", root.Type)
	}
	return func(b []byte, f registry.Frame) ([]byte, error) { return decodeAvro(b, schema, f.Payload) }, nil
}

func decodeAvro(b []byte, schema *avro.Schema, payload []byte) ([]byte, error) {
	var r record
	rest, err := schema.Decode(payload, &r, avro.SkipUnknown(), avro.AliasInput())
	switch {
	case err != nil:
		return nil, err
	case len(rest) > 0:
		return nil, fmt.Errorf("%d bytes follow the record", len(rest))
	}
	o := begin(b)
	for i, value := range r.values() {
		if value != nil {
			o.name(members[i])
			o.b = appendValue(o.b, value)
		}
	}
	return o.end(), nil
}
