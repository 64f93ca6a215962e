package deserialize

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// plan says which fields of a message are members of the contract.
type plan struct {
	message protoreflect.MessageDescriptor
	fields  []protoreflect.FieldDescriptor
}

func newPlan(message protoreflect.MessageDescriptor) *plan {
	p := &plan{message: message}
	for _, name := range members {
		if field := message.Fields().ByName(protoreflect.Name(name)); field != nil {
			p.fields = append(p.fields, field)
		}
	}
	return p
}

func (p *plan) decode(b, payload []byte) ([]byte, error) {
	m, err := unmarshal(payload, p.message)
	if err != nil {
		return nil, err
	}
	o := begin(b)
	for _, field := range p.fields {
		o.field(m, field)
	}
	return o.end(), nil
}

// field writes a field that the message has, or for which its schema states a default.
func (o *object) field(m protoreflect.Message, field protoreflect.FieldDescriptor) {
	if m.Has(field) || field.HasDefault() {
		o.name(string(field.Name()))
		o.b = appendField(o.b, field, m.Get(field))
	}
}

func appendField(b []byte, field protoreflect.FieldDescriptor, value protoreflect.Value) []byte {
	switch {
	case field.IsMap():
		o := begin(b)
		value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			o.name(key.String())
			o.b = appendSingle(o.b, field.MapValue(), value)
			return true
		})
		return o.end()
	case field.IsList():
		b = append(b, '[')
		for i := range value.List().Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendSingle(b, field, value.List().Get(i))
		}
		return append(b, ']')
	}
	return appendSingle(b, field, value)
}

func appendSingle(b []byte, field protoreflect.FieldDescriptor, value protoreflect.Value) []byte {
	switch field.Kind() {
	case protoreflect.StringKind:
		return appendText(b, value.String())
	case protoreflect.BytesKind:
		return appendText(b, string(value.Bytes()))
	case protoreflect.BoolKind:
		return strconv.AppendBool(b, value.Bool())
	case protoreflect.EnumKind:
		if name := field.Enum().Values().ByNumber(value.Enum()); name != nil {
			return appendText(b, string(name.Name()))
		}
		return strconv.AppendInt(b, int64(value.Enum()), 10)
	case protoreflect.FloatKind:
		return appendFloat(b, value.Float(), 32)
	case protoreflect.DoubleKind:
		return appendFloat(b, value.Float(), 64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return strconv.AppendUint(b, value.Uint(), 10)
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return appendMessage(b, value.Message())
	}
	return strconv.AppendInt(b, value.Int(), 10)
}

// appendMessage writes the messages that stand for single values as those, and any
// other as an object.
func appendMessage(b []byte, m protoreflect.Message) []byte {
	fields := m.Descriptor().Fields()
	get := func(number protoreflect.FieldNumber) protoreflect.Value { return m.Get(fields.ByNumber(number)) }
	switch name := m.Descriptor().FullName(); name {
	case "google.protobuf.Timestamp":
		return appendTime(b, time.Unix(get(1).Int(), get(2).Int()))
	case "google.type.Decimal":
		return appendText(b, get(1).String())
	case "google.type.Money":
		return appendText(b, money(get(2).Int(), get(3).Int()))
	case "confluent.type.Decimal":
		return appendDecimal(b, get(1).Bytes(), get(3).Int())
	default:
		if strings.HasPrefix(string(name), "google.protobuf.") && strings.HasSuffix(string(name), "Value") &&
			fields.Len() == 1 {
			return appendSingle(b, fields.Get(0), get(1))
		}
	}
	o := begin(b)
	for i := range fields.Len() {
		o.field(m, fields.Get(i))
	}
	return o.end()
}

// money writes units and billionths, exactly.
func money(units, nanos int64) string {
	n := new(big.Int).Mul(big.NewInt(units), big.NewInt(int64(time.Second)))
	return withPoint(n.Add(n, big.NewInt(nanos)), len("000000000"))
}

func appendDecimal(b, digits []byte, scale int64) []byte {
	if scale < 0 || scale > maxScale || len(digits) > maxScale {
		return appendText(b, fmt.Sprintf("a decimal of %d bytes with scale %d", len(digits), scale))
	}
	return appendText(b, withPoint(twosComplement(digits), int(scale)))
}
