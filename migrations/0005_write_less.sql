-- +goose Up
PRAGMA user_version = 5;

-- An order knows what was bought in it, so that no index of the events by order
-- is needed; and it is found by a short number made from its name (order_keys),
-- so that no index of the names is.
DROP VIEW event_log;

CREATE TABLE orders_with_items (
    order_id     INTEGER NOT NULL PRIMARY KEY,
    order_number TEXT    NOT NULL, -- the events' order_id
    currency     TEXT    NOT NULL, -- together with the number it identifies the order
    items        TEXT    NOT NULL, -- JSON array: the item_id of each item that was bought in it, once and in order
    month        INTEGER           -- in which one was bought, in months since January 1970 UTC
) STRICT;

INSERT INTO orders_with_items (order_id, order_number, currency, items, month)
SELECT order_id, order_number, currency,
       (SELECT json_group_array(item_id) FROM (
            SELECT DISTINCT item_id FROM events WHERE events.order_id = orders.order_id AND quantity > 0 ORDER BY item_id)),
       (SELECT min((strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12 + strftime('%m', occurred_at / 1000, 'unixepoch') - 1)
        FROM events WHERE events.order_id = orders.order_id AND quantity > 0)
FROM orders;

DROP INDEX events_by_order;
DROP TABLE orders;
ALTER TABLE orders_with_items RENAME TO orders;

CREATE TABLE order_keys ( -- finds an order by its name; `analytics run` has the latest orders in memory and adds them later
    order_key INTEGER NOT NULL PRIMARY KEY, -- first 48 bits of SHA-256(currency || x'00' || order_number), plus one for each order before it that has the key
    order_id  INTEGER NOT NULL REFERENCES orders
) STRICT;

CREATE TABLE order_key_ranges ( -- how far order_keys is complete, for each 256th of its keys
    key_range INTEGER NOT NULL PRIMARY KEY, -- the key's first 8 bits
    through   INTEGER NOT NULL -- the last order_id that was considered
) STRICT;

CREATE TABLE displaced_orders ( -- the orders whose key was another order's already
    order_id  INTEGER NOT NULL PRIMARY KEY REFERENCES orders,
    order_key INTEGER NOT NULL -- the one that it has instead
) STRICT;

-- The best thousand rows lead, and up to three thousand: a row that leads has
-- as many units or as much revenue as the least of those, which all others have
-- not. An index of all rows would change with nearly every event.
ALTER TABLE item_totals ADD COLUMN leading INTEGER NOT NULL DEFAULT 0 /* whether it is one of the best by units_sold */;
ALTER TABLE user_totals ADD COLUMN leading INTEGER NOT NULL DEFAULT 0 /* whether it is one of the best by revenue */;

UPDATE item_totals SET leading = 1 WHERE purchases > 0
   AND units_sold >= ifnull((SELECT units_sold FROM item_totals WHERE purchases > 0 ORDER BY units_sold DESC LIMIT 1 OFFSET 999), 0);
UPDATE user_totals SET leading = 1 WHERE purchases > 0
   AND revenue >= ifnull((SELECT revenue FROM user_totals WHERE purchases > 0 ORDER BY revenue DESC LIMIT 1 OFFSET 999), 0);

DROP INDEX item_totals_by_units;
DROP INDEX user_totals_by_revenue;
CREATE INDEX leading_items ON item_totals (units_sold DESC) WHERE leading;
CREATE INDEX leading_users ON user_totals (revenue DESC) WHERE leading;

-- Rejected records are large: as rows in the order of their arrival they are
-- appended, and their indexes are small.
DROP VIEW rejected_log;

CREATE TABLE rejected_as_they_came ( -- dead letters, and records that this program could not read
    topic            TEXT    NOT NULL, -- where it was read
    partition        INTEGER NOT NULL,
    offset           INTEGER NOT NULL,
    event_id         BLOB    NOT NULL UNIQUE,
    reason           TEXT    NOT NULL, -- stable code, such as missing_user
    detail           TEXT    NOT NULL, -- what was wrong, in one line
    rejected_at      INTEGER NOT NULL, -- milliseconds since 1970 UTC
    source_topic     TEXT    NOT NULL, -- where the record stood at first
    source_partition INTEGER NOT NULL,
    source_offset    INTEGER NOT NULL,
    value            BLOB,             -- the record's first 512 bytes
    PRIMARY KEY (topic, partition, offset)
) STRICT;

INSERT INTO rejected_as_they_came SELECT * FROM rejected;
DROP TABLE rejected;
ALTER TABLE rejected_as_they_came RENAME TO rejected;
CREATE INDEX rejected_by_reason ON rejected (reason);

CREATE VIEW rejected_log AS -- dead letters, with the reason and the start of the record
SELECT datetime(rejected_at / 1000, 'unixepoch') AS rejected_at, reason, detail,
       printf('%s/%d/%d', source_topic, source_partition, source_offset) AS source,
       CAST(value AS TEXT) AS value
FROM rejected;

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
