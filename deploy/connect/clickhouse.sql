-- Reads the topic analytics into a table that keeps one row for each event.
-- ReplacingMergeTree removes repeated rows when it merges parts, not when it stores
-- them: read with FINAL, or group by the key.
CREATE TABLE purchases (
    event_id String,
    timestamp DateTime64(3, 'UTC'),
    kind Enum8('purchase' = 1, 'return' = 2, 'retraction' = 3),
    user String,
    item String,
    item_name String,
    quantity Int64,
    amount_micros Nullable(Int64),
    currency LowCardinality(String),
    order_id String,
    attributes Map(String, String),
    imported_at Nullable(DateTime64(3, 'UTC')),
    retracted_at Nullable(DateTime64(3, 'UTC')),
    processed_at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(processed_at)
ORDER BY (event_id, timestamp, kind);

CREATE TABLE analytics_queue AS purchases
ENGINE = Kafka
SETTINGS kafka_broker_list = '127.0.0.1:9092', kafka_topic_list = 'analytics', kafka_group_name = 'clickhouse',
    kafka_format = 'JSONEachRow', input_format_skip_unknown_fields = 1, date_time_input_format = 'best_effort';

CREATE MATERIALIZED VIEW analytics_to_purchases TO purchases AS SELECT * FROM analytics_queue;

-- Revenue of each day. A retraction takes its event back unless the event was
-- imported after the retraction was issued.
SELECT toDate(p.timestamp) AS day, p.currency, sum(p.amount_micros) / 1e6 AS revenue
FROM (SELECT * FROM purchases FINAL WHERE kind = 'purchase') AS p
LEFT JOIN (SELECT * FROM purchases FINAL WHERE kind = 'retraction') AS r ON r.event_id = p.event_id AND r.timestamp = p.timestamp
WHERE r.event_id = '' OR p.imported_at > r.retracted_at
GROUP BY day, p.currency
ORDER BY day;
