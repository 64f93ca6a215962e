"""What the scripts share. Each is called with BROKERS REGISTRY TOPIC."""
import json
import sys
from datetime import datetime, timezone

from confluent_kafka import Producer
from confluent_kafka.schema_registry import ConfigCompatibilityLevel, SchemaRegistryClient, ServerConfig
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

brokers, url, topic = sys.argv[1:]
producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5})
registry = SchemaRegistryClient({"url": url})

at = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=timezone.utc)
at_text = "2026-01-31T12:00:00.123Z"
STRING = '"string"'
MILLIS = '{"type":"long","logicalType":"timestamp-millis"}'
INDEX = {"use.deprecated.format": False}


def produce(key, value, headers=()):
    producer.produce(topic, key=key, value=value, headers=list(headers))


def send(key, subject, value, serializer):
    """Writes a purchase. Its schema goes to the subject, one of the topic's own."""
    context = SerializationContext("%s-%s" % (topic, subject), MessageField.VALUE, headers=[])
    framed = serializer(value, context)
    produce(key, framed, context.headers)
    return framed


def in_header(payload, context, schema_id):
    """Puts the id of the schema into a header, as a serializer may be told to."""
    context.headers.append(("__value_schema_id", schema_id.id_to_bytes()))
    return payload


HEADER = {"schema.id.serializer": in_header}


def avro(key, subject, fields, value, conf=None):
    """Fields are pairs of a name and a type, or objects of the schema."""
    fields = [f if isinstance(f, dict) else {"name": f[0], "type": json.loads(f[1])} for f in fields]
    schema = json.dumps({"type": "record", "name": "Purchase", "fields": fields})
    return send(key, subject, value, AvroSerializer(registry, schema, conf=conf))


def json_schema(key, subject, properties, value, conf=None):
    schema = {"title": "Purchase", "type": "object", "properties": properties, "additionalProperties": False}
    return send(key, subject, value, JSONSerializer(json.dumps(schema), registry, conf=conf))


def protobuf(key, subject, message, conf=None):
    return send(key, subject, message, ProtobufSerializer(type(message), registry, conf={**INDEX, **(conf or {})}))


def message_class(file, name):
    """Generates the class of a message. Each version of a file has a pool of its own."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def proto_file(syntax):
    return descriptor_pb2.FileDescriptorProto(
        name="purchase.proto", package="shop", syntax=syntax, dependency=["google/protobuf/timestamp.proto"])


DOUBLE, INT64, INT32, BOOL, TEXT, MESSAGE = 1, 3, 5, 8, 9, 11
TIMESTAMP = ".google.protobuf.Timestamp"


def keep(subject, level):
    """Sets the compatibility of a subject that is there."""
    config = ServerConfig(compatibility=ConfigCompatibilityLevel[level])
    registry.set_config("%s-%s-value" % (topic, subject), config)


def flush():
    assert producer.flush(60) == 0
