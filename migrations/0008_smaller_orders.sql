-- +goose Up
PRAGMA user_version = 8;

-- Orders are small and many: their items need no brackets, and SQLite stores a
-- key of 42 bits in six bytes. `analytics run` fills order_keys again when it
-- finds no ranges.
DROP VIEW event_log;

CREATE TABLE orders_with_lists (
    order_id     INTEGER NOT NULL PRIMARY KEY,
    order_number TEXT    NOT NULL, -- the events' order_id
    currency     TEXT    NOT NULL, -- together with the number it identifies the order
    items        TEXT    NOT NULL, -- the item_id of each item that was bought in it, once and in order, such as 3,17,205
    month        INTEGER           -- in which one was bought, in months since January 1970 UTC
) STRICT;

INSERT INTO orders_with_lists SELECT order_id, order_number, currency, trim(items, '[]'), month FROM orders;
DROP TABLE orders;
ALTER TABLE orders_with_lists RENAME TO orders;

DROP TABLE order_keys;
CREATE TABLE order_keys ( -- finds an order by its name; `analytics run` has the latest orders in memory and adds them later
    order_key INTEGER NOT NULL PRIMARY KEY, -- first 42 bits of SHA-256(currency || x'00' || order_number), plus one for each order before it that has the key
    order_id  INTEGER NOT NULL REFERENCES orders
) STRICT;
DELETE FROM order_key_ranges;
DELETE FROM displaced_orders;

-- Nobody looks for a rejected record by its place, and the index of the places
-- was written with each.
DROP VIEW rejected_log;

CREATE TABLE rejected_without_places ( -- dead letters, and records that this program could not read
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
    value            BLOB              -- the record's first 512 bytes
) STRICT;

INSERT INTO rejected_without_places SELECT * FROM rejected;
DROP TABLE rejected;
ALTER TABLE rejected_without_places RENAME TO rejected;
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
