"""Writes purchases of several versions of one schema: evolve.py BROKERS REGISTRY TOPIC.

The versions of a format share a subject: the first, one with a field more that has a
default, one with renamed fields, one with fields of other types, one with a type that
no purchase can have. The registry checks that the second one is backward compatible.
"""
from shop import (BOOL, DOUBLE, INT32, INT64, MESSAGE, MILLIS, STRING, TEXT, TIMESTAMP, at, at_text, avro, flush,
                  json_schema, keep, message_class, proto_file, protobuf)


def evolve(name, versions, level="BACKWARD"):
    """Writes a purchase of each version. The second version keeps to the level."""
    for key, write in versions:
        write("%s-%s" % (name, key), name)
        keep(name, level if key == "first" else "NONE")


# Avro
first = [("user", STRING), ("item", STRING), ("item_name", STRING), ("timestamp", MILLIS)]
more = first + [{"name": "quantity", "type": "int", "default": 3}]
renamed_user = [{"name": "customer", "type": "string", "aliases": ["user"]}] + first[1:]
renamed_name = first[:2] + [{"name": "title", "type": "string", "aliases": ["item_name"]}, first[3]]
other = [("user", STRING), ("item", '"long"'), ("item_name", '["null","string"]'), ("timestamp", STRING),
         ("quantity", '"double"')]
wrong = [("user", STRING), ("item", '"boolean"'), ("timestamp", MILLIS)]


def record(fields, **values):
    return lambda key, subject: avro(key, subject, fields, {
        "user": key, "item": "tea", "item_name": "Tea", "timestamp": at, "customer": key, "title": "Tea", **values})


evolve("avro", [
    ("first", record(first)), ("added", record(more)), ("explicit", record(more, quantity=5)), ("old", record(first)),
    ("renamed", record(renamed_user)), ("renamed-name", record(renamed_name)),
    ("other", record(other, item=85123, timestamp=at_text, quantity=4.0)), ("wrong", record(wrong, item=True))])

# Protobuf, whose proto2 has defaults. Apicurio 2.6.13 cannot compare descriptors in base64: it answers 500.
FIRST = {1: ("user", TEXT), 2: ("item", TEXT), 3: ("item_name", TEXT), 4: ("timestamp", MESSAGE)}


def message(changes, **values):
    file = proto_file("proto2")
    purchase = file.message_type.add(name="Purchase")
    for number, (name, kind) in {**FIRST, **changes}.items():
        field = purchase.field.add(name=name, number=number, type=kind, label=1)
        if kind == MESSAGE:
            field.type_name = TIMESTAMP
        if name == "quantity" and kind == INT32:
            field.default_value = "3"
    Purchase = message_class(file, "shop.Purchase")

    def write(key, subject):
        names = Purchase.DESCRIPTOR.fields_by_name
        all = {"user": key, "customer": key, "item": "tea", "item_name": "Tea", "title": "Tea", **values}
        m = Purchase(**{name: value for name, value in all.items() if name in names})
        m.timestamp.FromDatetime(at)
        protobuf(key, subject, m)
    return write


evolve("protobuf", [
    ("first", message({})), ("added", message({5: ("quantity", INT32)})),
    ("explicit", message({5: ("quantity", INT32)}, quantity=5)), ("old", message({})),
    ("renamed", message({1: ("customer", TEXT)})), ("renamed-name", message({3: ("title", TEXT)})),
    ("other", message({2: ("item", INT64), 5: ("quantity", DOUBLE)}, item=85123, quantity=4.0)),
    ("wrong", message({2: ("item", BOOL)}, item=True))], "NONE")

# JSON Schema, whose defaults no serializer writes.
TEXT_TYPE = {"type": "string"}
KNOWN = {"user": TEXT_TYPE, "item": TEXT_TYPE, "item_name": TEXT_TYPE, "timestamp": TEXT_TYPE}


def document(changes, without=(), **values):
    properties = {name: kind for name, kind in {**KNOWN, **changes}.items() if name not in without}

    def write(key, subject):
        all = {"user": key, "customer": key, "item": "tea", "item_name": "Tea", "title": "Tea",
               "timestamp": at_text, **values}
        json_schema(key, subject, properties, {name: value for name, value in all.items() if name in properties})
    return write


QUANTITY = {"quantity": {"type": "integer", "default": 3}}
evolve("json", [
    ("first", document({})), ("added", document(QUANTITY)), ("explicit", document(QUANTITY, quantity=5)),
    ("old", document({})), ("renamed", document({"customer": TEXT_TYPE}, ["user"])),
    ("renamed-name", document({"title": TEXT_TYPE}, ["item_name"])),
    ("other", document({"item": {"type": "integer"}, "quantity": {"type": "number"}}, item=85123, quantity=4.0)),
    ("wrong", document({"item": {"type": "boolean"}}, item=True))])
flush()
