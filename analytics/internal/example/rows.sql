-- A small shop in which every table has rows: four currencies and none, known
-- and unknown amounts, returns, orders of two lines, and one of everything that
-- may become of a record. The statistics follow from the events.
INSERT INTO users (user_id, user) VALUES (1, 'ann'), (2, 'bob'), (3, 'cid'), (4, 'dee'), (5, 'eve'), (6, 'fay'), (7, 'guy');
INSERT INTO items (item_id, item, item_name, named_at) VALUES (1, 'A1', 'Apple', 0), (2, 'B2', 'Ball', 0), (3, 'C3', 'Cup', 0), (4, 'D4', '', 0), (5, 'E5', 'Egg', 0);
INSERT INTO attributes (attribute_id, attribute, value) VALUES (1, 'country', 'France'), (2, 'country', 'Japan'), (3, 'channel', 'web');
INSERT INTO attribute_sets (attribute_set_id, attributes) VALUES (1, '{"country":"France"}'), (2, '{"channel":"web","country":"Japan"}');

CREATE TEMP TABLE made AS
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 120)
SELECT n, unixepoch('now') * 1000 - n * n * 2400000 AS occurred_at, n % 7 + 1 AS user_id, n % 5 + 1 AS item_id,
       iif(n % 10 = 0, -1, n % 4 + 1) AS quantity, CASE n % 5 WHEN 0 THEN '' WHEN 1 THEN 'JPY' WHEN 2 THEN 'USD' WHEN 3 THEN 'BHD' ELSE 'EUR' END AS currency,
       iif(n % 3 = 0 AND n % 10 <> 0, n, NULL) AS order_id, iif(n % 4 = 0, NULL, n % 2 + 1) AS attribute_set_id
FROM numbers;

INSERT INTO orders (order_id, day, order_hash, order_number, user_id, currency, purchases, returns)
SELECT order_id, occurred_at / 86400000, n, '#' || (1000 + n), user_id, currency, 2, 0 FROM made WHERE order_id IS NOT NULL;
INSERT INTO order_items (order_id, item_id, purchases)
SELECT order_id, item_id, 1 FROM made WHERE order_id IS NOT NULL UNION ALL SELECT order_id, item_id % 5 + 1, 1 FROM made WHERE order_id IS NOT NULL;

INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id, quantity, amount_micros, currency, attribute_set_id, given_id, imported_at, processed_at)
SELECT occurred_at, unhex(format('%032x', n)), n % 2, n, user_id, item_id, order_id, quantity, iif(n % 13 = 0, NULL, quantity * (n * 1250000 + 5000)), currency,
       attribute_set_id, iif(n % 6 = 0, 'pay_' || n, NULL), iif(n % 2 = 0, occurred_at, NULL), occurred_at + 1000
FROM made
UNION ALL -- the second line of each order
SELECT occurred_at + 1, unhex(format('%032x', 1000 + n)), n % 2, 1000 + n, user_id, item_id % 5 + 1, order_id, 1, 2990000, currency, attribute_set_id, NULL, NULL, occurred_at + 1000
FROM made WHERE order_id IS NOT NULL;
UPDATE attribute_sets SET events = (SELECT count(*) FROM events e WHERE e.attribute_set_id = attribute_sets.attribute_set_id);
DROP TABLE made;

INSERT INTO retractions (occurred_at, event_id, partition, offset, retracted_at) VALUES (unixepoch('now') * 1000, unhex(format('%032x', 2001)), 0, 2001, unixepoch('now') * 1000);
INSERT INTO retracted_events (occurred_at, event_id, partition, offset, retracted_at) VALUES (unixepoch('now') * 1000, unhex(format('%032x', 2001)), 0, 2000, unixepoch('now') * 1000);
INSERT INTO duplicates (topic, partition, offset, occurred_at, event_id, conflict)
SELECT 'analytics', partition, 3000 + offset, occurred_at, event_id, offset % 2 FROM events WHERE offset IN (1, 2);
INSERT INTO rejected_causes (cause_id, topic, source_topic, reason, detail) VALUES
    (1, 'purchases.dlq', 'purchases', 'missing_user', 'user is absent or empty'), (2, 'purchases.dlq', 'purchases', 'invalid_json', 'the value is not a JSON object');
INSERT INTO rejected (source_partition, source_offset, record_id, cause_id, partition, offset, rejected_at) VALUES
    (0, 5, unhex(format('%032x', 4001)), 1, 0, 0, unixepoch('now') * 1000 - 60000), (0, 6, unhex(format('%032x', 4002)), 2, 0, 1, unixepoch('now') * 1000);
INSERT INTO rejected_examples (record_id, reason, value) VALUES (unhex(format('%032x', 4001)), 'missing_user', CAST('{"item":"A1"}' AS BLOB));
INSERT INTO late_events (partition, offset, event_id, occurred_at, latest_event_at) SELECT partition, offset, event_id, occurred_at, unixepoch('now') * 1000 FROM events WHERE offset = 90;
INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at) VALUES ('analytics', 0, 5000, 5009, unixepoch('now') * 1000);

INSERT INTO internal_topics (topic, role, cluster_id, topic_id) VALUES ('analytics', 'events', 'example', 'a'), ('purchases.dlq', 'dead_letters', 'example', 'b');
INSERT INTO internal_partitions (topic, partition, next_offset, latest_event_at, stored_at, records, events, duplicates, conflicts, rejected, late, retractions, retracted, high_watermark)
SELECT 'analytics', partition, 6000, max(occurred_at), unixepoch('now') * 1000, count(*) + 3, count(*), 1, partition, 0, 1, 1, 1, 6001 FROM events GROUP BY partition
UNION ALL SELECT 'purchases.dlq', 0, 2, NULL, unixepoch('now') * 1000, 2, 0, 0, 0, 2, 0, 0, 0, 3;
INSERT INTO internal_minutes (minute, topic, partition, records) VALUES (unixepoch('now') / 60 - 1, 'analytics', 0, 60), (unixepoch('now') / 60, 'analytics', 0, 6);
INSERT INTO internal_sources (topic, partition, block, results) VALUES ('purchases', 0, 0, x'ff');
INSERT INTO internal_replays (replay, kind, plan, result, started_at, finished_at, records, carried) VALUES (1, 'log', 'example', 'in place', unixepoch('now') * 1000 - 5000, unixepoch('now') * 1000, 200, 0);
INSERT INTO internal_replay_partitions (replay, topic, partition, from_offset, to_offset) VALUES (1, 'analytics', 0, 0, 6000);
INSERT INTO internal_replay_figures (replay, figure, currency, before, after) VALUES (1, 'events', '', 150, 160);
