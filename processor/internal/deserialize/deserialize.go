// Package deserialize turns values that serializers of a schema registry wrote
// into the JSON of an event: Avro, Protobuf and JSON Schema. Fields map by name
// onto the members of the contract; others are ignored.
//
// It does not judge the event. Package purchase does, as for any other JSON.
package deserialize

import (
	"fmt"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/sr"

	"purchases/producer/purchase"
	"purchases/producer/registry"
)

// Reasons of dead letters, beside those of package purchase. docs/schema-registry.md
// has them in words.
const (
	UnknownSchema         purchase.Reason = "unknown_schema"
	UnsupportedSchema     purchase.Reason = "unsupported_schema"
	NotOfItsSchema        purchase.Reason = "not_of_its_schema"
	RegistryNotConfigured purchase.Reason = "registry_not_configured"
)

func invalid(reason purchase.Reason, format string, args ...any) error {
	return &purchase.Invalid{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// decoder appends the JSON of a payload to b.
type decoder func(b []byte, f registry.Frame) ([]byte, error)

// newDecoder compiles a schema. Its errors are *purchase.Invalid.
func newDecoder(s *registry.Schema) (d decoder, err error) {
	switch s.Type {
	case sr.TypeAvro:
		d, err = newAvro(s)
	case sr.TypeProtobuf:
		d, err = newProtobuf(s)
	case sr.TypeJSON:
		return func(b []byte, f registry.Frame) ([]byte, error) { return append(b, f.Payload...), nil }, nil
	default:
		err = fmt.Errorf("its type %v is neither Avro nor Protobuf nor JSON Schema", s.Type)
	}
	if err != nil {
		return nil, invalid(UnsupportedSchema, "schema %s: %v", s.ID, err)
	}
	return d, nil
}

// frame takes the value of a message apart.
func frame(m *sarama.ConsumerMessage) (registry.Frame, bool, error) {
	var header []byte
	for _, h := range m.Headers {
		if string(h.Key) == registry.Header {
			header = h.Value
		}
	}
	return registry.Parse(m.Value, header)
}

// JSON returns the JSON of a message's event. It appends to scratch if the value is
// in a frame, else returns the value as it is. It returns false if the schema is
// not in memory; call [Decoders.Fetch] then. An error is a *purchase.Invalid. A nil
// d is that of a processor without a registry.
func (d *Decoders) JSON(scratch []byte, m *sarama.ConsumerMessage) (value []byte, known bool, err error) {
	f, framed, err := frame(m)
	switch {
	case !framed:
		return m.Value, true, nil
	case err != nil:
		return nil, true, invalid(NotOfItsSchema, "%v", err)
	case d == nil:
		return nil, true, invalid(RegistryNotConfigured,
			"the value has schema %s of a registry; set schema.registry.url in the file of --kafka-config", f.ID)
	case len(m.Value) > purchase.MaxValue:
		return nil, true, invalid(purchase.TooLarge, "%d bytes, at most %d are accepted", len(m.Value), purchase.MaxValue)
	}
	decode, known, err := d.get(f.ID)
	if !known || err != nil {
		return nil, known, err
	}
	value, err = decode(scratch, f)
	if err != nil {
		return nil, true, invalid(NotOfItsSchema, "schema %s: %v", f.ID, err)
	}
	return value, true, nil
}
