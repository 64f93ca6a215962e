"""Writes purchases with Confluent's serializers: write.py BROKERS REGISTRY TOPIC."""
from decimal import Decimal

from shop import (DOUBLE, HEADER, INT32, INT64, MESSAGE, MILLIS, STRING, TEXT, TIMESTAMP, at, at_text, avro, flush,
                  json_schema, message_class, produce, proto_file, protobuf)

# Avro, each with a subject of its own.
MICROS = '{"type":"long","logicalType":"timestamp-micros"}'
DECIMAL = '{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}'
CURRENCY = '{"type":"enum","name":"Currency","symbols":["EUR","GBP"]}'
user, item = ("user", STRING), ("item", STRING)
avro("avro-all", "avro-all",
     [user, item, ("timestamp", MICROS), ("quantity", '["null","int"]'), ("unit_price", DECIMAL),
      ("currency", CURRENCY), ("attributes", '{"type":"map","values":"string"}'), ("order_id", '["null","string"]')],
     {"user": "avro-all", "item": "tea", "timestamp": at, "quantity": -2, "unit_price": Decimal("19.9900"),
      "currency": "EUR", "attributes": {"country": "DE"}, "order_id": None})
avro("avro-double", "avro-double", [user, item, ("timestamp", MILLIS), ("amount", '["double","null"]')],
     {"user": "avro-double", "item": "tea", "timestamp": at, "amount": 0.1})
avro("avro-text", "avro-text", [user, item, ("timestamp", STRING), ("amount", STRING)],
     {"user": "avro-text", "item": "tea", "timestamp": at_text, "amount": "39.98"})
whole = avro("avro-int", "avro-int", [user, item, ("timestamp", MILLIS), ("amount", '"int"')],
             {"user": "avro-int", "item": "tea", "timestamp": at, "amount": 7})
avro("avro-in-header", "avro-in-header", [user, item, ("timestamp", MILLIS)],
     {"user": "avro-in-header", "item": "tea", "timestamp": at}, HEADER)

# JSON Schema
properties = {"user": {"type": "string"}, "item": {"type": "string"}, "timestamp": {"type": "string"},
              "unit_price": {"type": "string"}, "attributes": {"type": "object"}}
json_schema("json", "json", properties,
            {"user": "json", "item": "tea", "timestamp": at_text, "unit_price": "2.50", "attributes": {"a": "b"}})
json_schema("json-in-header", "json", properties,
            {"user": "json-in-header", "item": "tea", "timestamp": at_text}, HEADER)

# Protobuf: the second message of the file, and one inside it. The schema is a descriptor in base64.
file = proto_file("proto3")
file.message_type.add(name="Other")
message = file.message_type.add(name="Outer").nested_type.add(name="Purchase")
fields = [("user", TEXT), ("item", INT64), ("timestamp", MESSAGE), ("unit_price", DOUBLE), ("quantity", INT32)]
for number, (name, kind) in enumerate(fields, 1):
    field = message.field.add(name=name, number=number, type=kind, label=1)
    if kind == MESSAGE:
        field.type_name = TIMESTAMP
entry = message.nested_type.add(name="AttributesEntry")
entry.options.map_entry = True
entry.field.add(name="key", number=1, type=TEXT, label=1)
entry.field.add(name="value", number=2, type=TEXT, label=1)
message.field.add(name="attributes", number=6, type=MESSAGE, type_name=".shop.Outer.Purchase.AttributesEntry", label=3)
message.field.add(name="amount", number=7, type=DOUBLE, label=1, proto3_optional=True, oneof_index=0)
message.oneof_decl.add(name="_amount")
Purchase = message_class(file, "shop.Outer.Purchase")


def bought(key, conf=None, **fields):
    m = Purchase(user=key, item=85123, **fields)
    m.timestamp.FromDatetime(at)
    protobuf(key, "protobuf", m, conf)


bought("protobuf", unit_price=19.99, quantity=2, attributes={"country": "DE"})
bought("protobuf-free", amount=0)
bought("protobuf-in-header", HEADER)

# What no reader can make sense of, and plain JSON.
produce("cut-off", whole[:-1])
produce("unknown", b"\x00\x7f\xff\xff\xff" + whole[5:])
produce("guid", whole[5:], [("__value_schema_id", b"\x01" + bytes(range(16)))])
produce("plain", '{"user":"plain","item":"tea","timestamp":"%s"}' % at_text)
flush()
