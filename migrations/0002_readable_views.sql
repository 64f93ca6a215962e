-- +goose Up
PRAGMA user_version = 2;

-- Views for people. Times are text in UTC. Money is decimal text, made from
-- integers because a float would round it: whole units, two decimals, and up to
-- four more where they are not zero.

CREATE VIEW event_log AS -- every purchase and return
SELECT strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) AS occurred_at,
       iif(e.quantity > 0, 'purchase', 'return') AS kind,
       u.user,
       i.item,
       i.item_name,
       e.quantity,
       iif(e.unit_price IS NULL, NULL, printf('%d.%02d', e.unit_price / 1000000, e.unit_price / 10000 % 100)
           || rtrim(printf('%04d', e.unit_price % 10000), '0')) AS unit_price,
       iif(e.unit_price IS NULL, NULL, iif(e.quantity < 0, '-', '')
           || printf('%d.%02d', abs(e.quantity) * e.unit_price / 1000000, abs(e.quantity) * e.unit_price / 10000 % 100)
           || rtrim(printf('%04d', abs(e.quantity) * e.unit_price % 10000), '0')) AS amount,
       e.currency,
       o.order_number,
       s.attributes,
       e.partition,
       e.offset,
       lower(printf('%s-%s-%s-%s-%s', substr(hex(e.event_id), 1, 8), substr(hex(e.event_id), 9, 4),
           substr(hex(e.event_id), 13, 4), substr(hex(e.event_id), 17, 4), substr(hex(e.event_id), 21))) AS event_id
FROM events e
JOIN users u ON u.user_id = e.user_id
JOIN items i ON i.item_id = e.item_id
LEFT JOIN orders o ON o.order_id = e.order_id
LEFT JOIN attribute_sets s ON s.attribute_set_id = e.attribute_set_id;

CREATE VIEW item_sales AS -- each item's sales of all time
SELECT i.item, i.item_name, t.currency, t.purchases, t.returns, t.units_sold, t.units_returned,
       printf('%d.%02d', t.revenue / 1000000, t.revenue / 10000 % 100) || rtrim(printf('%04d', t.revenue % 10000), '0') AS revenue,
       printf('%d.%02d', t.refunds / 1000000, t.refunds / 10000 % 100) || rtrim(printf('%04d', t.refunds % 10000), '0') AS refunds
FROM item_totals t
JOIN items i ON i.item_id = t.item_id;

CREATE VIEW user_sales AS -- each user's purchases of all time
SELECT u.user, t.currency, t.purchases, t.returns, t.units_sold, t.units_returned,
       printf('%d.%02d', t.revenue / 1000000, t.revenue / 10000 % 100) || rtrim(printf('%04d', t.revenue % 10000), '0') AS revenue,
       printf('%d.%02d', t.refunds / 1000000, t.refunds / 10000 % 100) || rtrim(printf('%04d', t.refunds % 10000), '0') AS refunds
FROM user_totals t
JOIN users u ON u.user_id = t.user_id;

CREATE VIEW attribute_sales AS -- sales by attribute, such as country
SELECT a.attribute, a.value, t.currency, t.purchases, t.returns, t.units_sold, t.units_returned,
       printf('%d.%02d', t.revenue / 1000000, t.revenue / 10000 % 100) || rtrim(printf('%04d', t.revenue % 10000), '0') AS revenue,
       printf('%d.%02d', t.refunds / 1000000, t.refunds / 10000 % 100) || rtrim(printf('%04d', t.refunds % 10000), '0') AS refunds
FROM attribute_totals t
JOIN attributes a ON a.attribute_id = t.attribute_id;

CREATE VIEW daily_sales AS -- sales of each day, UTC
SELECT date(day * 86400, 'unixepoch') AS day, currency, purchases, returns, units_sold, units_returned,
       printf('%d.%02d', revenue / 1000000, revenue / 10000 % 100) || rtrim(printf('%04d', revenue % 10000), '0') AS revenue,
       printf('%d.%02d', refunds / 1000000, refunds / 10000 % 100) || rtrim(printf('%04d', refunds % 10000), '0') AS refunds
FROM (SELECT hour / 24 AS day, currency, sum(purchases) AS purchases, sum(returns) AS returns,
             sum(units_sold) AS units_sold, sum(units_returned) AS units_returned,
             sum(revenue) AS revenue, sum(refunds) AS refunds
      FROM sales_hourly GROUP BY hour / 24, currency);

CREATE VIEW overall_sales AS -- everything, one row for each currency
SELECT currency, purchases, returns, units_sold, units_returned,
       printf('%d.%02d', revenue / 1000000, revenue / 10000 % 100) || rtrim(printf('%04d', revenue % 10000), '0') AS revenue,
       printf('%d.%02d', refunds / 1000000, refunds / 10000 % 100) || rtrim(printf('%04d', refunds % 10000), '0') AS refunds,
       users, items, orders
FROM totals;

CREATE VIEW rejected_log AS -- dead letters, with the reason and the start of the record
SELECT datetime(rejected_at / 1000, 'unixepoch') AS rejected_at, reason, detail,
       printf('%s/%d/%d', source_topic, source_partition, source_offset) AS source,
       CAST(value AS TEXT) AS value
FROM rejected;

CREATE VIEW progress AS -- how far each log has been stored
SELECT topic, partition, next_offset, datetime(watermark / 1000, 'unixepoch') AS last_event,
       datetime(stored_at / 1000, 'unixepoch') AS stored_at, records, events, duplicates, rejected, late
FROM partitions;
