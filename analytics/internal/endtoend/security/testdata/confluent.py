"""Puts purchases on a topic, or reads a topic to its end, with confluent-kafka.

    confluent.py produce CLIENT.PROPERTIES TOPIC    what stands on stdin, one JSON object a line
    confluent.py abort CLIENT.PROPERTIES TOPIC      the same in a transaction that is aborted
    confluent.py commit CLIENT.PROPERTIES TOPIC     the same in one that is committed
    confluent.py consume CLIENT.PROPERTIES TOPIC    values to stdout, of committed records only
"""

import json
import sys

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

SECONDS = 30  # for what should take a moment


def settings(path):
    with open(path) as file:
        lines = [line.strip() for line in file]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def produce(config, topic, end):
    if end:
        config["transactional.id"] = "python-" + topic
    producer = Producer({**config, "enable.idempotence": True})
    if end:
        producer.init_transactions(SECONDS)
        producer.begin_transaction()
    for line in sys.stdin:
        producer.produce(topic, line.strip(), key=json.loads(line)["user"])
    if producer.flush(SECONDS):
        sys.exit("not everything was acknowledged")
    if end:
        getattr(producer, end + "_transaction")(SECONDS)


def consume(config, topic):
    consumer = Consumer({
        **config, "group.id": "python-" + topic, "isolation.level": "read_committed",
        "enable.partition.eof": True, "enable.auto.commit": False,
    })
    partitions = list(consumer.list_topics(topic, SECONDS).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    while partitions:
        message = consumer.poll(SECONDS)
        if message is None:
            sys.exit(f"partitions {partitions} have no end")
        if message.error() is None:
            print(message.value().decode())
        elif message.error().code() == KafkaError._PARTITION_EOF:
            partitions.remove(message.partition())
        else:
            sys.exit(str(message.error()))


command, path, topic = sys.argv[1:]
if command == "consume":
    consume(settings(path), topic)
else:
    produce(settings(path), topic, "" if command == "produce" else command)
