package deserialize

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// members are those of the contract. A decoder looks for fields with these names.
var members = [...]string{
	"event_id", "user", "item", "item_name", "quantity", "unit_price", "amount", "currency", "order_id", "timestamp",
	"imported_at", "retracted_at", "op", "attributes",
}

// object writes a JSON object member by member.
type object struct {
	b     []byte
	begun bool
}

func begin(b []byte) object { return object{b: append(b, '{')} }

func (o *object) name(name string) {
	if o.begun {
		o.b = append(o.b, ',')
	}
	o.begun = true
	o.b = appendText(o.b, name)
	o.b = append(o.b, ':')
}

func (o *object) end() []byte { return append(o.b, '}') }

// appendText appends a JSON string. Bytes that are no UTF-8 are kept for package
// purchase to find.
func appendText(b []byte, text string) []byte {
	quoted, err := jsontext.AppendQuote(b, text)
	if err != nil {
		return append(append(append(b, '"'), text...), '"')
	}
	return quoted
}

// appendFloat appends the shortest number that reads as the same float of the
// size. What is no number in JSON becomes a text, which is no number either.
func appendFloat(b []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendText(b, strconv.FormatFloat(f, 'g', -1, bits))
	}
	return strconv.AppendFloat(b, f, 'f', -1, bits)
}

func appendTime(b []byte, t time.Time) []byte {
	b = t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano)
	return append(b, '"')
}

// appendValue appends a value as Avro's decoder returns it.
func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendText(b, v)
	case []byte:
		return appendText(b, string(v))
	case bool:
		return strconv.AppendBool(b, v)
	case int32:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float32:
		return appendFloat(b, float64(v), 32)
	case float64:
		return appendFloat(b, v, 64)
	case time.Time:
		return appendTime(b, v)
	case [16]byte:
		return appendText(b, uuid.UUID(v).String())
	case map[string]any:
		o := begin(b)
		for name, value := range v {
			o.name(name)
			o.b = appendValue(o.b, value)
		}
		return o.end()
	case []any:
		return appendArray(b, v)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return append(b, `"?"`...)
	}
	return append(b, text...)
}

func appendArray(b []byte, values []any) []byte {
	b = append(b, '[')
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, value)
	}
	return append(b, ']')
}
