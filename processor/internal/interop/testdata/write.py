"""Writes purchases with Confluent's serializers: write.py BROKERS REGISTRY [HEADER]."""
import sys
from datetime import datetime, timezone
from decimal import Decimal

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2  # noqa: F401

brokers, url = sys.argv[1:3]
producer = Producer({"bootstrap.servers": brokers})
registry = SchemaRegistryClient({"url": url})
at = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=timezone.utc)


def send(name, value, serializer):
    context = SerializationContext(name, MessageField.VALUE)
    producer.produce("purchases", key=name, value=serializer(value, context))


def avro(name, fields, value):
    named = ",".join('{"name":"%s","type":%s}' % field for field in fields)
    schema = '{"type":"record","name":"Purchase","fields":[%s]}' % named
    send(name, value, AvroSerializer(registry, schema))


MILLIS = '{"type":"long","logicalType":"timestamp-millis"}'
MICROS = '{"type":"long","logicalType":"timestamp-micros"}'
DECIMAL = '{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}'
CURRENCY = '{"type":"enum","name":"Currency","symbols":["EUR","GBP"]}'
item = ("item", '"string"')
avro("avro-all", [("user", '"string"'), item, ("timestamp", MICROS), ("quantity", '["null","int"]'), ("unit_price", DECIMAL),
                  ("currency", CURRENCY), ("attributes", '{"type":"map","values":"string"}'), ("order_id", '["null","string"]')],
     {"user": "avro-all", "item": "tea", "timestamp": at, "quantity": -2, "unit_price": Decimal("19.9900"),
      "currency": "EUR", "attributes": {"country": "DE"}, "order_id": None})
avro("avro-double", [("user", '"string"'), item, ("timestamp", MILLIS), ("amount", '["double","null"]')],
     {"user": "avro-double", "item": "tea", "timestamp": at, "amount": 0.1})
avro("avro-text", [("user", '"string"'), item, ("timestamp", '"string"'), ("amount", '"string"')],
     {"user": "avro-text", "item": "tea", "timestamp": "2026-01-31T12:00:00.123Z", "amount": "39.98"})
avro("avro-int", [("user", '"string"'), item, ("timestamp", MILLIS), ("amount", '"int"')],
     {"user": "avro-int", "item": "tea", "timestamp": at, "amount": 7})
# The next version of a schema: a field more, one renamed, one of another type.
avro("avro-more", [("user", '"string"'), item, ("timestamp", MILLIS), ("colour", '["null","string"]')],
     {"user": "avro-more", "item": "tea", "timestamp": at, "colour": "red"})
avro("avro-renamed", [("customer", '"string"'), item, ("timestamp", MILLIS)],
     {"customer": "avro-renamed", "item": "tea", "timestamp": at})
avro("avro-other-type", [("user", '"string"'), ("item", '"long"'), ("timestamp", MILLIS), ("quantity", '"double"')],
     {"user": "avro-other-type", "item": 85123, "timestamp": at, "quantity": 3.0})

send("json", {"user": "json", "item": "tea", "timestamp": "2026-01-31T12:00:00.123Z", "unit_price": "2.50", "attributes": {"a": "b"}},
     JSONSerializer('{"title":"Purchase","type":"object","properties":{"user":{"type":"string"}}}', registry))

file = descriptor_pb2.FileDescriptorProto(name="purchase.proto", package="shop", syntax="proto3",
                                          dependency=["google/protobuf/timestamp.proto"])
outer = file.message_type.add(name="Outer")
message = outer.nested_type.add(name="Purchase")
for number, (name, kind, type_name) in enumerate([("user", 9, ""), ("item", 3, ""), ("timestamp", 11, ".google.protobuf.Timestamp"),
                                                  ("unit_price", 1, ""), ("quantity", 5, "")], 1):
    message.field.add(name=name, number=number, type=kind, label=1, **({"type_name": type_name} if type_name else {}))
entry = message.nested_type.add(name="AttributesEntry")
entry.options.map_entry = True
entry.field.add(name="key", number=1, type=9, label=1)
entry.field.add(name="value", number=2, type=9, label=1)
message.field.add(name="attributes", number=6, type=11, type_name=".shop.Outer.Purchase.AttributesEntry", label=3)
pool = descriptor_pool.Default()
pool.AddSerializedFile(file.SerializeToString())
Purchase = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Outer.Purchase"))
bought = Purchase(user="protobuf", item=85123, unit_price=19.99, quantity=2, attributes={"country": "DE"})
bought.timestamp.FromDatetime(at)
send("protobuf", bought, ProtobufSerializer(Purchase, registry, {"use.deprecated.format": False}))
assert producer.flush(30) == 0
