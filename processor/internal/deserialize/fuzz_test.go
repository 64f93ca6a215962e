package deserialize

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"purchases/producer/purchase"
	"purchases/producer/registry"
)

var avroSchemas = []string{
	`{"type":"record","name":"P","fields":[{"name":"user","type":["null","string","long"]},{"name":"next","type":["null","P"]},{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"attributes","type":{"type":"map","values":["null","string"]}}]}`,
	`{"type":"record","name":"P","fields":[{"name":"attributes","type":{"type":"array","items":"null"}},{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-micros"}}]}`,
}

const protoSchema = `syntax = "proto3"; import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto";
message P { string user = 1; google.protobuf.Struct attributes = 2; P item = 3; google.protobuf.Timestamp timestamp = 4; message Q { repeated P user = 1; } }`

// wantSound fails unless the result is JSON that package purchase can judge.
func wantSound(t *testing.T, value []byte, err error) {
	if err != nil {
		return
	}
	var invalid *purchase.Invalid
	if _, err := purchase.Decode(value); err != nil &&
		(!errors.As(err, &invalid) || invalid.Reason == purchase.InvalidJSON) {
		t.Errorf("it wrote %.300q: %v", value, err)
	}
}

func FuzzAvro(f *testing.F) {
	var decoders []decoder
	for _, text := range avroSchemas {
		d, err := newDecoder(&registry.Schema{Type: sr.TypeAvro, Text: text})
		if err != nil {
			f.Fatal(err)
		}
		decoders = append(decoders, d)
	}
	f.Add([]byte{2, 2, 'a', 0, 2, 1, 0}, "")
	f.Add([]byte{0, 2, 0, 2, 0, 2, 0}, `{"type":"record","name":"P","fields":[{"name":"user","type":"bytes"}]}`)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0}, "")
	f.Fuzz(func(t *testing.T, payload []byte, schema string) {
		for _, d := range decoders {
			value, err := d(nil, registry.Frame{Payload: payload})
			wantSound(t, value, err)
		}
		if d, err := newDecoder(&registry.Schema{Type: sr.TypeAvro, Text: schema}); err == nil {
			value, err := d(nil, registry.Frame{Payload: payload})
			wantSound(t, value, err)
		}
	})
}

func FuzzProtobuf(f *testing.F) {
	d, err := newDecoder(&registry.Schema{Type: sr.TypeProtobuf, Text: protoSchema})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0, 10, 1, 'u', 26, 3, 10, 1, 'v'}, protoSchema)
	f.Add([]byte{4, 0, 0, 10, 0}, `syntax = "proto2"; message A { optional group G = 1 { } }`)
	f.Fuzz(func(t *testing.T, payload []byte, schema string) {
		value, err := d(nil, registry.Frame{Payload: payload})
		wantSound(t, value, err)
		if other, err := newDecoder(&registry.Schema{Type: sr.TypeProtobuf, Text: schema}); err == nil {
			value, err := other(nil, registry.Frame{Payload: payload})
			wantSound(t, value, err)
		}
	})
}

// Values that take far more to read than to send.
func TestHostilePayloads(t *testing.T) {
	linked, err := newDecoder(&registry.Schema{Type: sr.TypeAvro, Text: avroSchemas[0]})
	if err != nil {
		t.Fatal(err)
	}
	nulls, err := newDecoder(&registry.Schema{Type: sr.TypeAvro, Text: avroSchemas[1]})
	if err != nil {
		t.Fatal(err)
	}
	nested, err := newDecoder(&registry.Schema{Type: sr.TypeProtobuf, Text: protoSchema})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := linked(nil, registry.Frame{Payload: []byte(strings.Repeat("\x00\x02", 500_000))}); err == nil {
		t.Error("a list of half a million records is read")
	}
	if _, err := nulls(nil, registry.Frame{Payload: []byte("\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00")}); err == nil {
		t.Error("an array of 2^61 nulls is read")
	}
	if _, err := nested(nil, registry.Frame{Payload: append([]byte{0},
		strings.Repeat("\x1a\x7f", 500_000)...)}); err == nil {
		t.Error("messages half a million deep are read")
	}
}
