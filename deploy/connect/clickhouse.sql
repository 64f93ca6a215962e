-- The topic analytics in ClickHouse. Not run by the project's tests.

CREATE TABLE analytics_queue (record String)
ENGINE = Kafka
SETTINGS kafka_broker_list = '127.0.0.1:9092', kafka_topic_list = 'analytics', kafka_group_name = 'clickhouse',
         kafka_format = 'JSONAsString', kafka_num_consumers = 1;
-- In the server's configuration, for aborted transactions: <kafka><isolation_level>read_committed</isolation_level></kafka>

CREATE TABLE events (
    partition     UInt32,
    offset        UInt64,
    event_id      String,
    kind          LowCardinality(String),         -- purchase, return or retraction
    user          String,
    item          String,
    item_name     String,
    quantity      Int64,                          -- units, negative for a return
    amount_micros Nullable(Int64),                -- millionths of the currency's unit
    currency      LowCardinality(String),
    order_id      String,
    timestamp     DateTime64(3, 'UTC'),
    attributes    Map(String, String),
    imported_at   Nullable(DateTime64(3, 'UTC')),
    retracted_at  Nullable(DateTime64(3, 'UTC'))
)
-- A record that is delivered twice is the same row twice, until parts are merged: deduplicated when read, with FINAL.
ENGINE = ReplacingMergeTree
ORDER BY (timestamp, event_id, partition, offset)
PARTITION BY toYYYYMM(timestamp);

CREATE MATERIALIZED VIEW events_from_queue TO events AS
SELECT
    _partition AS partition,
    _offset AS offset,
    JSONExtractString(record, 'event_id') AS event_id,
    JSONExtractString(record, 'kind') AS kind,
    JSONExtractString(record, 'user') AS user,
    JSONExtractString(record, 'item') AS item,
    JSONExtractString(record, 'item_name') AS item_name,
    JSONExtractInt(record, 'quantity') AS quantity,
    JSONExtract(record, 'amount_micros', 'Nullable(Int64)') AS amount_micros,
    JSONExtractString(record, 'currency') AS currency,
    JSONExtractString(record, 'order_id') AS order_id,
    parseDateTime64BestEffort(JSONExtractString(record, 'timestamp'), 3, 'UTC') AS timestamp,
    JSONExtract(record, 'attributes', 'Map(String, String)') AS attributes,
    parseDateTime64BestEffortOrNull(JSONExtractString(record, 'imported_at'), 3, 'UTC') AS imported_at,
    parseDateTime64BestEffortOrNull(JSONExtractString(record, 'retracted_at'), 3, 'UTC') AS retracted_at
FROM analytics_queue;

-- The first copy of each identity counts, unless a retraction takes it back. A retraction without retracted_at takes back every copy.
CREATE VIEW sales AS
SELECT e.*, e.amount_micros / 1000000 AS amount
FROM (SELECT * FROM events FINAL WHERE kind != 'retraction') AS e
LEFT JOIN (
    SELECT timestamp, event_id, max(ifNull(retracted_at, toDateTime64('2200-01-01 00:00:00', 3, 'UTC'))) AS last_retraction, 1 AS retracted
    FROM events WHERE kind = 'retraction' GROUP BY timestamp, event_id
) AS r ON r.timestamp = e.timestamp AND r.event_id = e.event_id
WHERE r.retracted = 0 OR (e.imported_at IS NOT NULL AND e.imported_at > r.last_retraction)
ORDER BY e.partition, e.offset
LIMIT 1 BY e.timestamp, e.event_id;
