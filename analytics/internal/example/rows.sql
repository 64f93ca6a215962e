-- A small shop in which every table has rows: four currencies and none, known
-- and unknown amounts, returns, orders of two lines, and one of everything that
-- may become of a record.
INSERT INTO users (user_id, user) VALUES (1, 'ann'), (2, 'bob'), (3, 'cid'), (4, 'dee'), (5, 'eve'), (6, 'fay'), (7,
    'guy');
INSERT INTO items (item_id, item, item_name, named_at) VALUES (1, 'A1', 'Apple', 0), (2, 'B2', 'Ball', 0), (3, 'C3',
    'Cup', 0), (4, 'D4', '', 0), (5, 'E5', 'Egg', 0);
INSERT INTO attributes (attribute_id, attribute, value) VALUES (1, 'country', 'France'), (2, 'country', 'Japan'), (3,
    'channel', 'web');
INSERT INTO attribute_sets (attribute_set_id, attributes) VALUES (1, '{"country":"France"}'), (2,
    '{"channel":"web","country":"Japan"}');

CREATE TEMP TABLE made AS
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 120)
SELECT n, unixepoch('now') * 1000 - n * n * 2400000 AS occurred_at, n % 7 + 1 AS user_id, n % 5 + 1 AS item_id,
       iif(n % 10 = 0, -1, n % 4 + 1) AS quantity,
    CASE n % 5 WHEN 0 THEN '' WHEN 1 THEN 'JPY' WHEN 2 THEN 'USD' WHEN 3 THEN 'BHD' ELSE 'EUR' END AS currency,
       iif(n % 3 = 0 AND n % 10 <> 0, n, NULL) AS order_id, iif(n % 4 = 0, NULL, n % 2 + 1) AS attribute_set_id
FROM numbers;

INSERT INTO orders (order_id, day, order_hash, order_number, user_id, currency, purchases, returns)
SELECT order_id, occurred_at / 86400000, n, '#' || (1000 + n), user_id, currency, 2, 0
    FROM made WHERE order_id IS NOT NULL;
INSERT INTO order_items (order_id, item_id, purchases)
SELECT order_id, item_id, 1 FROM made WHERE order_id IS NOT NULL UNION ALL SELECT order_id, item_id % 5 + 1, 1
    FROM made WHERE order_id IS NOT NULL;

INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id, quantity, amount_micros,
    currency, attribute_set_id, given_id, imported_at, processed_at)
SELECT occurred_at, unhex(format('%032x', n)), n % 2, n, user_id, item_id, order_id, quantity, iif(n % 13 = 0, NULL,
    quantity * (n * 1250000 + 5000)), currency,
       attribute_set_id, iif(n % 6 = 0, 'pay_' || n, NULL), iif(n % 2 = 0, occurred_at, NULL), occurred_at + 1000
FROM made
UNION ALL -- the second line of each order
SELECT occurred_at + 1, unhex(format('%032x', 1000 + n)), n % 2, 1000 + n, user_id, item_id % 5 + 1, order_id, 1,
    2990000, currency, attribute_set_id, NULL, NULL, occurred_at + 1000
FROM made WHERE order_id IS NOT NULL;
UPDATE attribute_sets SET events = (SELECT count(*)
    FROM events e WHERE e.attribute_set_id = attribute_sets.attribute_set_id);
DROP TABLE made;

INSERT INTO retractions (occurred_at, event_id, partition, offset, retracted_at) VALUES (unixepoch('now') * 1000,
    unhex(format('%032x', 2001)), 0, 2001, unixepoch('now') * 1000);
INSERT INTO retracted_events (occurred_at, event_id, partition, offset)
    VALUES (unixepoch('now') * 1000, unhex(format('%032x', 2001)), 0, 2000);
INSERT INTO duplicates (topic, partition, offset, occurred_at, event_id, conflict)
SELECT 'analytics', partition, 3000 + offset, occurred_at, event_id, offset % 2 FROM events WHERE offset IN (1, 2);
INSERT INTO rejected_causes (cause_id, topic, source_topic, reason, detail) VALUES
    (1, 'purchases.dlq', 'purchases', 'missing_user', 'user is absent or empty'), (2, 'purchases.dlq', 'purchases',
    'invalid_json', 'the value is not a JSON object');
INSERT INTO rejected (source_partition, source_offset, record_id, cause_id, partition, offset, rejected_at) VALUES
    (0, 5, unhex(format('%032x', 4001)), 1, 0, 0, unixepoch('now') * 1000 - 60000), (0, 6, unhex(format('%032x',
    4002)), 2, 0, 1, unixepoch('now') * 1000);
INSERT INTO rejected_examples (record_id, reason, value) VALUES (unhex(format('%032x', 4001)), 'missing_user',
    CAST('{"item":"A1"}' AS BLOB));
INSERT INTO late_events (partition, offset, event_id, occurred_at, latest_event_at) SELECT partition, offset,
    event_id, occurred_at, unixepoch('now') * 1000 FROM events WHERE offset = 90;
INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at) VALUES ('analytics', 0, 5000, 5009,
    unixepoch('now') * 1000);

INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at) VALUES ('purchases', 0, 100, 149,
    unixepoch('now') * 1000);
INSERT INTO expired (topic, partition, offset, source_topic, source_partition, from_offset, to_offset, recorded_at)
    VALUES ('purchases.dlq', 0, 2, 'purchases', 0, 100, 149, unixepoch('now') * 1000);

INSERT INTO internal_topics (topic, role, cluster_id, topic_id) VALUES ('analytics', 'events', 'example', 'a'),
    ('purchases.dlq', 'dead_letters', 'example', 'b');
INSERT INTO internal_partitions (topic, partition, next_offset, latest_event_at, stored_at, records, events,
    duplicates, conflicts, rejected, late, retractions, retracted, expired, high_watermark)
SELECT 'analytics', partition, 6000, max(occurred_at), unixepoch('now') * 1000, count(*) + 3, count(*), 1, partition,
    0, 1, 1, 1, 0, 6001 FROM events GROUP BY partition
UNION ALL SELECT 'purchases.dlq', 0, 3, NULL, unixepoch('now') * 1000, 3, 0, 0, 0, 2, 0, 0, 0, 1, 4;
INSERT INTO internal_pruned (partition, events, first_offset, last_offset, latest_event_at, checksum)
    SELECT 0, 1, 4000, 4000, min(occurred_at) - 86400000, 0 FROM events;
INSERT INTO internal_pruned_users (user_id, currency, purchases, returns, units_sold, units_returned, revenue_micros,
    refunds_micros) SELECT user_id, currency, 1, 0, 1, 0, 0, 0 FROM events LIMIT 1;
INSERT INTO internal_pruned_user_months (user_id, month, purchases) SELECT user_id, 600, 1 FROM events LIMIT 1;
INSERT INTO internal_minutes (minute, topic, partition, records) VALUES (unixepoch('now') / 60 - 1, 'analytics', 0,
    60), (unixepoch('now') / 60, 'analytics', 0, 6);
INSERT INTO internal_sources (topic, partition, block, results) VALUES ('purchases', 0, 0, x'ff');
INSERT INTO internal_replays (replay, kind, plan, result, started_at, finished_at, records, carried) VALUES (1,
    'log', 'example', 'in place', unixepoch('now') * 1000 - 5000, unixepoch('now') * 1000, 200, 0);
INSERT INTO internal_replay_partitions (replay, topic, partition, from_offset, to_offset) VALUES (1, 'analytics', 0,
    0, 6000);
INSERT INTO internal_replay_figures (replay, figure, currency, before, after) VALUES (1, 'events', '', 150, 160);

-- Statistics of these events.
CREATE TEMP TABLE measured AS
SELECT occurred_at / 900000 AS quarter_hour, occurred_at / 86400000 AS day, user_id, item_id, order_id,
    attribute_set_id, currency,
       (strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12 + strftime('%m', occurred_at / 1000,
    'unixepoch') - 1 AS month,
       iif(quantity > 0, 1, 0) AS purchases, iif(quantity < 0, 1, 0) AS returns, max(quantity, 0) AS units_sold,
    max(-quantity, 0) AS units_returned,
       max(ifnull(amount_micros, 0), 0) AS revenue_micros, max(ifnull(-amount_micros, 0), 0) AS refunds_micros
FROM events;
INSERT INTO stats_quarter_hour (quarter_hour, currency, purchases, returns, units_sold, units_returned,
    revenue_micros, refunds_micros)
SELECT quarter_hour, currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned),
    sum(revenue_micros), sum(refunds_micros) FROM measured GROUP BY quarter_hour, currency;
INSERT INTO stats_day (day, currency, purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros)
SELECT day, currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned), sum(revenue_micros),
    sum(refunds_micros) FROM measured GROUP BY day, currency;
INSERT INTO stats_item (item_id, currency, purchases, returns, units_sold, units_returned, revenue_micros,
    refunds_micros)
SELECT item_id, currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned), sum(revenue_micros),
    sum(refunds_micros) FROM measured GROUP BY item_id, currency;
INSERT INTO stats_item_day (day, item_id, currency, purchases, returns, units_sold, units_returned, revenue_micros,
    refunds_micros)
SELECT day, item_id, currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned),
    sum(revenue_micros), sum(refunds_micros) FROM measured GROUP BY day, item_id, currency;
INSERT INTO stats_user (user_id, currency, purchases, returns, units_sold, units_returned, revenue_micros,
    refunds_micros)
SELECT user_id, currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned), sum(revenue_micros),
    sum(refunds_micros) FROM measured GROUP BY user_id, currency;
CREATE TEMP TABLE attributed AS
SELECT attribute_id, measured.* FROM measured JOIN attribute_sets USING (attribute_set_id)
JOIN json_each(attributes) pair JOIN attributes a ON a.attribute = pair.key AND a.value = pair.value;
INSERT INTO stats_attribute (attribute_id, currency, purchases, returns, units_sold, units_returned, revenue_micros,
    refunds_micros)
SELECT attribute_id, currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned),
    sum(revenue_micros), sum(refunds_micros) FROM attributed GROUP BY attribute_id, currency;
INSERT INTO stats_attribute_day (day, attribute_id, currency, purchases, returns, units_sold, units_returned,
    revenue_micros, refunds_micros)
SELECT day, attribute_id, currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned),
    sum(revenue_micros), sum(refunds_micros) FROM attributed GROUP BY day, attribute_id, currency;
UPDATE stats_day SET (orders, order_purchases, order_units_sold, order_revenue_micros) =
    (SELECT count(DISTINCT order_id), count(order_id), ifnull(sum(units_sold) FILTER (WHERE order_id), 0),
    ifnull(sum(revenue_micros) FILTER (WHERE order_id), 0)
     FROM measured m WHERE m.day = stats_day.day AND m.currency = stats_day.currency);
UPDATE stats_item SET leading = 1;
UPDATE stats_user SET leading = 1;
INSERT INTO stats_total (currency, purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros,
    orders)
SELECT currency, sum(purchases), sum(returns), sum(units_sold), sum(units_returned), sum(revenue_micros),
    sum(refunds_micros), count(DISTINCT order_id) FROM measured WHERE true
    GROUP BY currency -- the triggers have counted its users and items
ON CONFLICT DO UPDATE SET (purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros, orders) =
    (excluded.purchases, excluded.returns, excluded.units_sold, excluded.units_returned, excluded.revenue_micros,
    excluded.refunds_micros, excluded.orders);
INSERT INTO stats_user_month (user_id, month, purchases) SELECT user_id, month, sum(purchases)
    FROM measured WHERE purchases GROUP BY user_id, month;
INSERT INTO stats_rejected (reason, records, first_at, last_at) SELECT reason, count(*), min(rejected_at),
    max(rejected_at) FROM rejected JOIN rejected_causes USING (cause_id) GROUP BY reason;
DROP TABLE measured;
DROP TABLE attributed;
