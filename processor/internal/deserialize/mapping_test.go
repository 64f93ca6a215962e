package deserialize_test

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"purchases/processor/internal/deserialize"
	"purchases/producer/registry"
)

// wide has every type that a field of an event can have in Avro.
const wide = `{"type":"record","name":"Purchase","namespace":"shop","fields":[
 {"name":"colour","type":{"type":"array","items":"string"}},
 {"name":"event_id","type":{"type":"string","logicalType":"uuid"}},
 {"name":"user","type":"long"},
 {"name":"item","type":["null","string"]},
 {"name":"quantity","type":["int","null"]},
 {"name":"unit_price","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":6}},
 {"name":"amount","type":["null","double",{"type":"fixed","name":"m","size":8,"logicalType":"decimal","precision":18,"scale":2}]},
 {"name":"currency","type":{"type":"enum","name":"Currency","symbols":["EUR","GBP"]}},
 {"name":"timestamp","type":{"type":"long","logicalType":"timestamp-micros"}},
 {"name":"imported_at","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},
 {"name":"attributes","type":{"type":"map","values":["null","string","int","boolean"]}}]}`

func wideValue() map[string]any {
	return map[string]any{
		"colour": []any{"red", "blue"}, "event_id": "0b6dc5a5-94f1-4d2a-8f3c-b3f3d5a4c111", "user": int64(9007199254740993),
		"item": "café \"7\"", "quantity": int32(-2), "unit_price": big.NewRat(1999, 100), "amount": 39.98, "currency": "GBP",
		"timestamp": time.UnixMicro(1769860800123456), "imported_at": nil, "attributes": map[string]any{"n": int32(7)},
	}
}

func TestAvro(t *testing.T) {
	f := newFixture(t)
	id := f.register(t, sr.Schema{Schema: wide, Type: sr.TypeAvro})
	value := wideValue()
	const want = `{"event_id":"0b6dc5a5-94f1-4d2a-8f3c-b3f3d5a4c111","user":9007199254740993,"item":"café \"7\"","quantity":-2,` +
		`"unit_price":"19.990000","amount":39.98,"currency":"GBP","timestamp":"2026-01-31T12:00:00.123456Z","attributes":{"n":7}}`
	if got, err := f.json(t, framed(id, avroValue(t, wide, value))); err != nil || got != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}

func TestAvroMoneyIsExact(t *testing.T) {
	f := newFixture(t)
	for kind, values := range map[string]map[any]string{
		`"string"`: {"0.1": `"0.1"`}, `"double"`: {0.1: "0.1", 1e15: "1000000000000000"},
		`"float"`: {float32(19.99): "19.99"}, `"long"`: {int64(1 << 60): "1152921504606846976"},
	} {
		schema := fmt.Sprintf(`{"type":"record","name":"P","fields":[{"name":"amount","type":%s}]}`, kind)
		id := f.register(t, sr.Schema{Schema: schema, Type: sr.TypeAvro})
		for value, want := range values {
			got, err := f.json(t, framed(id, avroValue(t, schema, map[string]any{"amount": value})))
			if err != nil || got != `{"amount":`+want+`}` {
				t.Errorf("%s %v: %s, %v", kind, value, got, err)
			}
		}
	}
	const decimal = `{"type":"record","name":"P","fields":[{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":30,"scale":4}}]}`
	id := f.register(t, sr.Schema{Schema: decimal, Type: sr.TypeAvro})
	for _, text := range []string{"0.0000", "-0.0001", "9223372036854.7758", "-12345678901234567890.5000"} {
		amount, _ := new(big.Rat).SetString(text)
		got, err := f.json(t, framed(id, avroValue(t, decimal, map[string]any{"amount": amount})))
		if err != nil || got != `{"amount":"`+text+`"}` {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}

func TestAvroTimes(t *testing.T) {
	f := newFixture(t)
	for kind, want := range map[string]string{
		`{"type":"long","logicalType":"timestamp-millis"}`:       `"2026-01-31T12:00:00.123Z"`,
		`{"type":"long","logicalType":"local-timestamp-millis"}`: `"2026-01-31T12:00:00.123"`, // refused afterwards: no zone
		`"long"`: "1769860800123",
	} {
		schema := fmt.Sprintf(`{"type":"record","name":"P","fields":[{"name":"timestamp","type":["null",%s]}]}`, kind)
		id := f.register(t, sr.Schema{Schema: schema, Type: sr.TypeAvro})
		payload := append([]byte{2}, avroValue(t, `"long"`, int64(1769860800123))...)
		if got, err := f.json(t, framed(id, payload)); err != nil || got != `{"timestamp":`+want+`}` {
			t.Errorf("%s: %s, %v", kind, got, err)
		}
	}
}

func TestAvroReference(t *testing.T) {
	f := newFixture(t)
	f.SeedSchema("currency", 1, 901,
		sr.Schema{Schema: `{"type":"enum","name":"Currency","symbols":["EUR"]}`, Type: sr.TypeAvro})
	f.SeedSchema(subject, 1, 902, sr.Schema{
		Schema: `{"type":"record","name":"P","fields":[{"name":"currency","type":"Currency"}]}`, Type: sr.TypeAvro,
		References: []sr.SchemaReference{{Name: "Currency", Subject: "currency", Version: 1}},
	})
	if got, err := f.json(t, framed(902, []byte{0})); err != nil || got != `{"currency":"EUR"}` {
		t.Errorf("%s, %v", got, err)
	}
}

const message = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/type/money.proto";
import "confluent/type/decimal.proto";
message Other { message Purchase {
  string user = 1; int64 item = 2; optional double unit_price = 3; google.protobuf.Timestamp timestamp = 4;
  map<string, string> attributes = 5; google.protobuf.StringValue item_name = 6; google.type.Money amount = 7;
  Currency currency = 8; sint32 quantity = 9; confluent.type.Decimal order_id = 10; optional string event_id = 11;
} }
enum Currency { NONE = 0; EUR = 1; }
`

func payload() []byte {
	sub := func(b []byte, n protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), inner)
	}
	number := func(b []byte, n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
	}
	b := sub(nil, 1, []byte("u"))
	b = number(b, 2, 1<<60)
	b = protowire.AppendFixed64(protowire.AppendTag(b, 3, protowire.Fixed64Type), 0) // 0.0, given
	b = sub(b, 4, number(number(nil, 1, 1769860800), 2, 123_000_000))
	b = sub(b, 5, sub(sub(nil, 1, []byte("country")), 2, []byte("DE")))
	b = sub(b, 6, sub(nil, 1, []byte("Lamp")))
	b = sub(b, 7, number(number(sub(nil, 1, []byte("EUR")), 2, 12), 3, 500_000_001))
	b = number(number(b, 8, 1), 9, protowire.EncodeZigZag(-3))
	b = sub(b, 10, number(sub(nil, 1, []byte{0xff}), 3, 2))
	return number(b, 500, 1) // not in the schema
}

func TestProtobuf(t *testing.T) {
	f := newFixture(t)
	id := f.register(t, sr.Schema{Schema: message, Type: sr.TypeProtobuf})
	const want = `{"user":"u","item":1152921504606846976,"item_name":"Lamp","quantity":-3,"unit_price":0,"amount":"12.500000001",` +
		`"currency":"EUR","order_id":"-0.01","timestamp":"2026-01-31T12:00:00.123Z","attributes":{"country":"DE"}}`
	indexes := []byte{4, 0, 0}
	if got, err := f.json(t, framed(id, append(indexes, payload()...))); err != nil || got != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	inHeader := &sarama.ConsumerMessage{Value: payload(), Headers: []*sarama.RecordHeader{
		{Key: []byte(registry.Header), Value: append(registry.Append(nil, id), indexes...)},
	}}
	if got, err := f.json(t, inHeader); err != nil || got != want {
		t.Errorf("id in the header: %s, %v", got, err)
	}
}

// A field that is not in the payload has the default that its schema states.
func TestProtobufDefaults(t *testing.T) {
	const schema = `syntax = "proto2";
message P {
  optional string user = 1; optional int32 quantity = 2 [default = 3]; optional Currency currency = 3 [default = GBP];
  optional Kind op = 4; optional Facts attributes = 5; repeated string order_id = 6;
}
message Facts { optional string country = 1 [default = "DE"]; optional string city = 2; }
enum Currency { EUR = 0; GBP = 1; }
enum Kind { purchase = 0; }
`
	f := newFixture(t)
	id := f.register(t, sr.Schema{Schema: schema, Type: sr.TypeProtobuf})
	for payload, want := range map[string]string{
		"\x00":                          `{"quantity":3,"currency":"GBP"}`,
		"\x00\x0a\x01u\x10\x05\x18\x00": `{"user":"u","quantity":5,"currency":"EUR"}`,
		"\x00\x2a\x00":                  `{"quantity":3,"currency":"GBP","attributes":{"country":"DE"}}`,
	} {
		if got, err := f.json(t, framed(id, []byte(payload))); err != nil || got != want {
			t.Errorf("%q: %s, %v\nwant %s", payload, got, err, want)
		}
	}
}

func TestProtobufDescriptor(t *testing.T) {
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("p.proto"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("P"), Field: []*descriptorpb.FieldDescriptorProto{{
			Name: proto.String("user"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
		}, {
			Name: proto.String("item"), Number: proto.Int32(2), Type: descriptorpb.FieldDescriptorProto_TYPE_INT64.Enum(),
		}}}},
	}
	binary, err := proto.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	id := f.register(t, sr.Schema{Schema: base64.StdEncoding.EncodeToString(binary), Type: sr.TypeProtobuf})
	if got, err := f.json(t, framed(id, []byte{0, 10, 1, 'u'})); err != nil || got != `{"user":"u"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestJSONSchemaAndHeaders(t *testing.T) {
	f := newFixture(t)
	id := f.register(t, sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
	if got, err := f.json(t, framed(id, []byte(`{"user":"u"}`))); err != nil || got != `{"user":"u"}` {
		t.Errorf("%s, %v", got, err)
	}
	header := func(value []byte) []*sarama.RecordHeader {
		return []*sarama.RecordHeader{{Key: []byte(registry.Header), Value: value}}
	}
	guid := uuid.New()
	plain := &sarama.ConsumerMessage{Value: []byte(`{"user":"u"}`), Headers: header(append([]byte{1}, guid[:]...))}
	if got, known, err := (*deserialize.Decoders)(nil).JSON(nil, plain); err != nil || !known ||
		string(got) != `{"user":"u"}` {
		t.Errorf("JSON is JSON whatever the header says: %s, %v", got, err)
	}
	_, err := f.json(t, &sarama.ConsumerMessage{Value: []byte("x"), Headers: header(append([]byte{1}, guid[:]...))})
	wantReason(t, err, deserialize.UnknownSchema)
	_, err = f.json(t, &sarama.ConsumerMessage{Value: []byte("x"), Headers: header([]byte{1, 2})})
	wantReason(t, err, deserialize.NotOfItsSchema)
}
