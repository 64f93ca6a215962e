-- +goose Up
PRAGMA application_id = 0x50555243; -- "PURC", shown by file(1)
PRAGMA user_version = 1;

-- Tables sort into three families: data (no prefix), statistics (stats_) and
-- internals (internal_). Read the views at the end of this file: they have times
-- as text and money in currency units.
--
-- Unless a comment says otherwise, a time is in milliseconds since 1970 UTC, a
-- day counts from 1970-01-01 on the calendar of the reporting zone (see
-- internal_database), a month from January 1970 on the same calendar, and money
-- is in micros: millionths of the currency's unit.

-- Names: every text is stored once and referred to by a small integer.

CREATE TABLE users ( -- that have an event
    user_id INTEGER NOT NULL PRIMARY KEY,
    user    TEXT    NOT NULL UNIQUE -- as the events name it
) STRICT;

CREATE TABLE items (
    item_id   INTEGER NOT NULL PRIMARY KEY,
    item      TEXT    NOT NULL UNIQUE,     -- as the events name it
    item_name TEXT    NOT NULL DEFAULT '', -- of the latest event that had a name
    named_at  INTEGER NOT NULL DEFAULT 0   -- occurred_at of that event
) STRICT;

CREATE TABLE attributes ( -- each pair of name and value that an event has
    attribute_id INTEGER NOT NULL PRIMARY KEY,
    attribute    TEXT    NOT NULL, -- country
    value        TEXT    NOT NULL, -- United Kingdom
    UNIQUE (attribute, value)
) STRICT;

CREATE TABLE attribute_sets ( -- each combination of attributes that an event has
    attribute_set_id INTEGER NOT NULL PRIMARY KEY,
    attributes       TEXT    NOT NULL UNIQUE, -- JSON object, names in order
    events           INTEGER NOT NULL DEFAULT 0 -- of the table events that have it
) STRICT;

-- Events. Keyed by time, so that new events land at the end of the tree and a
-- range of time is one scan, and by identity, so that no event is stored twice.

CREATE TABLE events ( -- every purchase and return, but for those that were pruned; read the view event_log
    occurred_at      INTEGER NOT NULL,
    event_id         BLOB    NOT NULL, -- UUID, 16 bytes; identifies the event together with occurred_at
    partition        INTEGER NOT NULL, -- of the topic analytics
    offset           INTEGER NOT NULL,
    user_id          INTEGER NOT NULL REFERENCES users,
    item_id          INTEGER NOT NULL REFERENCES items,
    order_id         INTEGER REFERENCES orders,
    quantity         INTEGER NOT NULL, -- negative for a return, never 0
    amount_micros    INTEGER,          -- of all the quantity; negative for a return, null when unknown
    currency         TEXT    NOT NULL, -- ISO 4217, '' when unknown
    attribute_set_id INTEGER REFERENCES attribute_sets,
    given_id         TEXT,             -- event_id as the event gave it, where event_id was made from that
    imported_at      INTEGER,          -- when the import that published it began, the latest of several
    processed_at     INTEGER NOT NULL, -- by the processor
    PRIMARY KEY (occurred_at, event_id)
) STRICT, WITHOUT ROWID;

-- Orders. An order is the purchases that share order number, user, currency and
-- day. A return that names an order has a row here, too: without purchases it
-- is no order, and is not counted as one.

CREATE TABLE orders (
    order_id     INTEGER NOT NULL PRIMARY KEY,
    day          INTEGER NOT NULL,
    order_hash   INTEGER NOT NULL, -- 32 bits of a hash of order_number, user and currency
    order_number TEXT    NOT NULL, -- as the events name it
    user_id      INTEGER NOT NULL REFERENCES users,
    currency     TEXT    NOT NULL,
    purchases    INTEGER NOT NULL, -- events with a positive quantity
    returns      INTEGER NOT NULL  -- events with a negative quantity
) STRICT;

CREATE INDEX orders_by_day_and_hash ON orders (day, order_hash); -- finds the order of an event

CREATE TABLE order_items ( -- the items that were bought in each order
    order_id  INTEGER NOT NULL REFERENCES orders,
    item_id   INTEGER NOT NULL REFERENCES items,
    purchases INTEGER NOT NULL, -- events; never 0
    PRIMARY KEY (order_id, item_id)
) STRICT, WITHOUT ROWID;

-- Statistics. They share six measures: purchases and returns count events,
-- units_sold and units_returned count pieces, revenue_micros and refunds_micros
-- sum amounts. None is ever negative, and no row has neither purchases nor returns.

CREATE TABLE stats_total ( -- of all time
    currency       TEXT    NOT NULL PRIMARY KEY,
    purchases      INTEGER NOT NULL DEFAULT 0,
    returns        INTEGER NOT NULL DEFAULT 0,
    units_sold     INTEGER NOT NULL DEFAULT 0,
    units_returned INTEGER NOT NULL DEFAULT 0,
    revenue_micros INTEGER NOT NULL DEFAULT 0,
    refunds_micros INTEGER NOT NULL DEFAULT 0,
    users          INTEGER NOT NULL DEFAULT 0, -- with an event in this currency
    items          INTEGER NOT NULL DEFAULT 0, -- with an event in this currency
    orders         INTEGER NOT NULL DEFAULT 0  -- with a purchase
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_quarter_hour (
    quarter_hour   INTEGER NOT NULL, -- 15 minutes each, since 1970 UTC: occurred_at / 900000
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue_micros INTEGER NOT NULL,
    refunds_micros INTEGER NOT NULL,
    PRIMARY KEY (quarter_hour, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_day (
    day                  INTEGER NOT NULL,
    currency             TEXT    NOT NULL,
    purchases            INTEGER NOT NULL,
    returns              INTEGER NOT NULL,
    units_sold           INTEGER NOT NULL,
    units_returned       INTEGER NOT NULL,
    revenue_micros       INTEGER NOT NULL,
    refunds_micros       INTEGER NOT NULL,
    orders               INTEGER NOT NULL DEFAULT 0, -- with a purchase
    order_purchases      INTEGER NOT NULL DEFAULT 0, -- purchases that belong to an order
    order_units_sold     INTEGER NOT NULL DEFAULT 0, -- of those
    order_revenue_micros INTEGER NOT NULL DEFAULT 0, -- of those
    PRIMARY KEY (day, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_item ( -- of all time
    item_id        INTEGER NOT NULL REFERENCES items,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue_micros INTEGER NOT NULL,
    refunds_micros INTEGER NOT NULL,
    leading        INTEGER NOT NULL DEFAULT 0, -- 1 for at least the best thousand by units_sold
    PRIMARY KEY (item_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_item_day (
    day            INTEGER NOT NULL,
    item_id        INTEGER NOT NULL REFERENCES items,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue_micros INTEGER NOT NULL,
    refunds_micros INTEGER NOT NULL,
    PRIMARY KEY (day, item_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_user ( -- of all time
    user_id        INTEGER NOT NULL REFERENCES users,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue_micros INTEGER NOT NULL,
    refunds_micros INTEGER NOT NULL,
    leading        INTEGER NOT NULL DEFAULT 0, -- 1 for at least the best thousand by revenue_micros
    PRIMARY KEY (user_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_attribute ( -- of all time
    attribute_id   INTEGER NOT NULL REFERENCES attributes,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue_micros INTEGER NOT NULL,
    refunds_micros INTEGER NOT NULL,
    PRIMARY KEY (attribute_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_attribute_day (
    day            INTEGER NOT NULL,
    attribute_id   INTEGER NOT NULL REFERENCES attributes,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue_micros INTEGER NOT NULL,
    refunds_micros INTEGER NOT NULL,
    PRIMARY KEY (day, attribute_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_user_month ( -- the months in which each user bought
    user_id   INTEGER NOT NULL REFERENCES users,
    month     INTEGER NOT NULL,
    purchases INTEGER NOT NULL, -- never 0
    PRIMARY KEY (user_id, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_cohort ( -- how many of the users who first bought in one month bought in another
    first_month INTEGER NOT NULL,
    month       INTEGER NOT NULL, -- never before first_month
    users       INTEGER NOT NULL, -- never 0
    PRIMARY KEY (first_month, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_rejected (
    reason   TEXT    NOT NULL PRIMARY KEY,
    records  INTEGER NOT NULL,
    first_at INTEGER NOT NULL, -- rejected_at of the first
    last_at  INTEGER NOT NULL  -- rejected_at of the last
) STRICT, WITHOUT ROWID;

-- The leading rows have an index of their own. One of all rows would change with
-- nearly every event.
CREATE INDEX leading_items ON stats_item (units_sold DESC) WHERE leading;
CREATE INDEX leading_users ON stats_user (revenue_micros DESC) WHERE leading;

-- A trigger on INSERT does not fire for an upsert that updates, so each user and
-- item counts once.

-- +goose StatementBegin
CREATE TRIGGER count_user AFTER INSERT ON stats_user BEGIN
    INSERT INTO stats_total (currency, users) VALUES (new.currency, 1)
    ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER uncount_user AFTER DELETE ON stats_user BEGIN
    UPDATE stats_total SET users = users - 1 WHERE currency = old.currency;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER count_item AFTER INSERT ON stats_item BEGIN
    INSERT INTO stats_total (currency, items) VALUES (new.currency, 1)
    ON CONFLICT DO UPDATE SET items = items + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER uncount_item AFTER DELETE ON stats_item BEGIN
    UPDATE stats_total SET items = items - 1 WHERE currency = old.currency;
END;
-- +goose StatementEnd

-- A month before all others of its user moves the user to another cohort, with
-- all months; so does its end.

-- +goose StatementBegin
CREATE TRIGGER move_cohort AFTER INSERT ON stats_user_month
WHEN EXISTS (SELECT 1 FROM stats_user_month WHERE user_id = new.user_id AND month > new.month)
 AND NOT EXISTS (SELECT 1 FROM stats_user_month WHERE user_id = new.user_id AND month < new.month) BEGIN
    UPDATE stats_cohort SET users = users - 1
    WHERE first_month = (SELECT min(month) FROM stats_user_month WHERE user_id = new.user_id AND month > new.month)
      AND month IN (SELECT month FROM stats_user_month WHERE user_id = new.user_id AND month > new.month);
    DELETE FROM stats_cohort
    WHERE users = 0 AND first_month = (SELECT min(month) FROM stats_user_month WHERE user_id = new.user_id AND month > new.month);
    INSERT INTO stats_cohort (first_month, month, users)
    SELECT new.month, month, 1 FROM stats_user_month WHERE user_id = new.user_id AND month > new.month
    ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER count_cohort AFTER INSERT ON stats_user_month BEGIN
    INSERT INTO stats_cohort (first_month, month, users)
    VALUES ((SELECT min(month) FROM stats_user_month WHERE user_id = new.user_id), new.month, 1)
    ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER uncount_cohort AFTER DELETE ON stats_user_month BEGIN
    UPDATE stats_cohort SET users = users - 1
    WHERE first_month = min(old.month, ifnull((SELECT min(month) FROM stats_user_month WHERE user_id = old.user_id), old.month))
      AND (month = old.month OR month IN (SELECT month FROM stats_user_month WHERE user_id = old.user_id))
      AND (month = old.month OR NOT EXISTS (SELECT 1 FROM stats_user_month WHERE user_id = old.user_id AND month < old.month));
    INSERT INTO stats_cohort (first_month, month, users)
    SELECT (SELECT min(month) FROM stats_user_month WHERE user_id = old.user_id), month, 1
    FROM stats_user_month WHERE user_id = old.user_id
       AND NOT EXISTS (SELECT 1 FROM stats_user_month WHERE user_id = old.user_id AND month < old.month)
    ON CONFLICT DO UPDATE SET users = users + 1;
    DELETE FROM stats_cohort
    WHERE users = 0 AND first_month = min(old.month, ifnull((SELECT min(month) FROM stats_user_month WHERE user_id = old.user_id), old.month));
END;
-- +goose StatementEnd

-- Logs: what became of the records that are no events, and which were missing.

CREATE TABLE retractions ( -- every record that takes an event back
    occurred_at  INTEGER NOT NULL, -- of the event
    event_id     BLOB    NOT NULL, -- of the event: UUID, 16 bytes
    partition    INTEGER NOT NULL, -- of the topic analytics
    offset       INTEGER NOT NULL,
    retracted_at INTEGER,          -- when it was issued; it leaves later imports of the event alone. Null: it leaves none
    PRIMARY KEY (occurred_at, event_id, partition, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE retracted_events ( -- events that were taken back, before or after they came; they count nowhere
    occurred_at  INTEGER NOT NULL,
    event_id     BLOB    NOT NULL, -- UUID, 16 bytes
    partition    INTEGER NOT NULL, -- of the topic analytics, where the event stood
    offset       INTEGER NOT NULL,
    PRIMARY KEY (occurred_at, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE duplicates ( -- records whose event, or dead letter, was there already; they count nowhere
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    offset      INTEGER NOT NULL,
    occurred_at INTEGER,          -- of the event, null for a dead letter
    event_id    BLOB    NOT NULL, -- of the event, or record_id of the dead letter: UUID, 16 bytes
    conflict    INTEGER NOT NULL, -- 1 when its content differs from the event that is stored
    PRIMARY KEY (topic, partition, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE rejected_causes ( -- why records were rejected
    cause_id     INTEGER NOT NULL PRIMARY KEY,
    topic        TEXT    NOT NULL, -- where they were read
    source_topic TEXT    NOT NULL, -- where they stood at first
    reason       TEXT    NOT NULL, -- stable code, such as missing_user
    detail       TEXT    NOT NULL, -- what was wrong, in one line; '' beyond a thousand for each reason
    UNIQUE (topic, source_topic, reason, detail)
) STRICT;

CREATE TABLE rejected ( -- dead letters, and records that this program could not read; read the view rejected_log
    record_id        BLOB    NOT NULL PRIMARY KEY, -- UUID, 16 bytes: of the record's position, or of its event_id and content
    source_partition INTEGER NOT NULL, -- of the cause's source_topic
    source_offset    INTEGER NOT NULL,
    cause_id         INTEGER NOT NULL REFERENCES rejected_causes,
    partition        INTEGER NOT NULL, -- of the cause's topic
    offset           INTEGER NOT NULL,
    rejected_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rejected_examples ( -- the first records of each reason
    record_id BLOB NOT NULL PRIMARY KEY, -- as in rejected
    reason    TEXT NOT NULL,
    value     BLOB                       -- the record's first 512 bytes
) STRICT, WITHOUT ROWID;

CREATE TABLE late_events ( -- stored and counted, but more than a day behind an earlier record of their partition
    partition       INTEGER NOT NULL, -- of the topic analytics
    offset          INTEGER NOT NULL,
    event_id        BLOB    NOT NULL, -- UUID, 16 bytes
    occurred_at     INTEGER NOT NULL,
    latest_event_at INTEGER NOT NULL, -- of the partition at that moment
    PRIMARY KEY (partition, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE expired ( -- dead letters of offsets that had expired before `processor` read them; the table gaps has those without a result
    topic            TEXT    NOT NULL, -- where the letter stands
    partition        INTEGER NOT NULL,
    offset           INTEGER NOT NULL,
    source_topic     TEXT    NOT NULL, -- whose offsets they are, such as purchases
    source_partition INTEGER NOT NULL,
    from_offset      INTEGER NOT NULL, -- the first that had expired
    to_offset        INTEGER NOT NULL, -- the last that had expired
    recorded_at      INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps ( -- offsets that had expired before they were read, here or by `processor`, or that could not be read: the statistics lack their records
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    from_offset INTEGER NOT NULL, -- the first that is missing
    to_offset   INTEGER NOT NULL, -- the last that is missing
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, from_offset)
) STRICT, WITHOUT ROWID;

-- Internals: what this database is, and how far it has come.

CREATE TABLE internal_database ( -- one row
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    zone        TEXT    NOT NULL, -- the reporting zone, such as Europe/Paris
    zone_data   TEXT    NOT NULL, -- version of the tz data that gave internal_zone_offsets
    database_id TEXT    NOT NULL, -- random
    built_as    TEXT    NOT NULL DEFAULT '', -- by a replay: the name of the file in which it was built
    built_for   TEXT    NOT NULL DEFAULT '', -- and the database_id of the database that it was to replace, or its path if damaged
    kept_since  INTEGER                      -- the start of a day: events before it are deleted, or about to be, and refused when they come; null: all are kept
) STRICT;

INSERT INTO internal_database (id, zone, zone_data, database_id) VALUES (1, 'UTC', '', lower(hex(randomblob(16))));

CREATE TABLE internal_zone_offsets ( -- of the reporting zone, so that SQL can find days
    since          INTEGER NOT NULL PRIMARY KEY,
    offset_seconds INTEGER NOT NULL -- east of UTC
) STRICT;

INSERT INTO internal_zone_offsets (since, offset_seconds) VALUES (-9223372036854775808, 0);

CREATE TABLE internal_topics ( -- the logs that this database was built from
    topic      TEXT NOT NULL PRIMARY KEY,
    role       TEXT NOT NULL DEFAULT '', -- events or dead_letters
    cluster_id TEXT NOT NULL,            -- of the Kafka cluster that has the topic
    topic_id   TEXT NOT NULL             -- changes when a topic is deleted and recreated (KIP-516)
) STRICT, WITHOUT ROWID;

CREATE TABLE internal_partitions ( -- how far each log has been stored, and what became of its records
    topic           TEXT    NOT NULL,
    partition       INTEGER NOT NULL,
    next_offset     INTEGER NOT NULL,           -- every record below it is in this database
    latest_event_at INTEGER,                    -- latest occurred_at of its events
    stored_at       INTEGER,                    -- when next_offset last moved
    records         INTEGER NOT NULL DEFAULT 0, -- read = events + duplicates + rejected + retractions + retracted + expired
    events          INTEGER NOT NULL DEFAULT 0,
    duplicates      INTEGER NOT NULL DEFAULT 0,
    conflicts       INTEGER NOT NULL DEFAULT 0, -- of the duplicates
    rejected        INTEGER NOT NULL DEFAULT 0,
    late            INTEGER NOT NULL DEFAULT 0, -- of the events, those taken back included
    retractions     INTEGER NOT NULL DEFAULT 0,
    retracted       INTEGER NOT NULL DEFAULT 0, -- events that were taken back
    expired         INTEGER NOT NULL DEFAULT 0, -- dead letters of expired offsets
    last_offset     INTEGER, -- of the last record stored, by which the log is known again at the next start
    last_timestamp  INTEGER, -- of that record, given by Kafka
    last_crc        INTEGER, -- CRC-32C of its key followed by its value
    high_watermark  INTEGER, -- where the log ended when it was read last: the offset that its next record would get
    lag             INTEGER AS (max(high_watermark - next_offset - 1, 0)), -- offsets to be stored then; a log usually ends with a transaction's marker
    checksum        INTEGER NOT NULL DEFAULT 0, -- sum modulo 2^64 of a hash of each row whose record stands in it
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- What `analytics prune` has deleted counts in all statistics and in the table
-- above. These tables keep the part of it that verify needs.

CREATE TABLE internal_pruned ( -- the deleted events of each partition
    partition       INTEGER NOT NULL PRIMARY KEY, -- of the topic analytics
    events          INTEGER NOT NULL,
    first_offset    INTEGER NOT NULL, -- the lowest of theirs
    last_offset     INTEGER NOT NULL, -- the highest
    latest_event_at INTEGER NOT NULL, -- the latest occurred_at of theirs
    checksum        INTEGER NOT NULL  -- their part of the partition's
) STRICT;

CREATE TABLE internal_pruned_users ( -- the part of stats_user that the deleted events make up
    user_id        INTEGER NOT NULL REFERENCES users,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue_micros INTEGER NOT NULL,
    refunds_micros INTEGER NOT NULL,
    PRIMARY KEY (user_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE internal_pruned_user_months ( -- the part of stats_user_month
    user_id   INTEGER NOT NULL REFERENCES users,
    month     INTEGER NOT NULL,
    purchases INTEGER NOT NULL,
    PRIMARY KEY (user_id, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE internal_minutes ( -- how much was stored in each of the last 60 minutes
    minute    INTEGER NOT NULL, -- minutes since 1970 UTC, by the clock of this machine
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    records   INTEGER NOT NULL,
    PRIMARY KEY (minute, topic, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE internal_sources ( -- which records of the processor's input have their result in this database
    topic     TEXT    NOT NULL, -- such as purchases
    partition INTEGER NOT NULL,
    block     INTEGER NOT NULL, -- of 4096 offsets, from block × 4096 on
    results   BLOB    NOT NULL, -- a bit for each offset, the lowest bit of the first byte for the first
    PRIMARY KEY (topic, partition, block)
) STRICT, WITHOUT ROWID;

CREATE TABLE internal_replays ( -- every rebuild; the last one in place made what this database holds
    replay      INTEGER NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL, -- log: events and statistics from Kafka; rollups: statistics from the events
    plan        TEXT    NOT NULL, -- what is built from what, by which one that was interrupted is known again
    result      TEXT    NOT NULL, -- building, in place; same or different when it was only a check
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,          -- null while building
    records     INTEGER NOT NULL DEFAULT 0, -- read from Kafka
    carried     INTEGER NOT NULL DEFAULT 0  -- taken over from the database before
) STRICT;

CREATE TABLE internal_replay_partitions ( -- what each replay read
    replay      INTEGER NOT NULL REFERENCES internal_replays,
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    from_offset INTEGER NOT NULL, -- records below it were taken over, or had been missing before
    to_offset   INTEGER NOT NULL, -- the offset after the last one
    PRIMARY KEY (replay, topic, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE internal_replay_figures ( -- old data against new, at the same offsets
    replay   INTEGER NOT NULL REFERENCES internal_replays,
    figure   TEXT    NOT NULL, -- events, users, revenue_micros, ...
    currency TEXT    NOT NULL, -- '' for a figure of the whole database
    before   INTEGER NOT NULL,
    after    INTEGER NOT NULL,
    PRIMARY KEY (replay, figure, currency)
) STRICT, WITHOUT ROWID;

-- Views for people. Times are RFC 3339 text in UTC, days and months text on the
-- calendar of the reporting zone. Money is a number in currency units, with the
-- exact integer beside it as ..._micros; net is revenue less refunds.

CREATE VIEW event_log AS -- every purchase and return
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', e.occurred_at / 1000.0, 'unixepoch') AS occurred_at,
       iif(e.quantity > 0, 'purchase', 'return') AS kind,
       u.user, i.item, i.item_name, e.quantity,
       round(e.amount_micros / 1000000.0 / e.quantity, 6) AS unit_price,
       e.amount_micros / 1000000.0 AS amount, e.amount_micros,
       e.currency, o.order_number, s.attributes, e.partition, e.offset,
       ifnull(e.given_id, lower(format('%s-%s-%s-%s-%s', substr(hex(e.event_id), 1, 8), substr(hex(e.event_id), 9, 4),
           substr(hex(e.event_id), 13, 4), substr(hex(e.event_id), 17, 4), substr(hex(e.event_id), 21)))) AS event_id
FROM events e
JOIN users u ON u.user_id = e.user_id
JOIN items i ON i.item_id = e.item_id
LEFT JOIN orders o ON o.order_id = e.order_id
LEFT JOIN attribute_sets s ON s.attribute_set_id = e.attribute_set_id;

CREATE VIEW order_lines AS -- the purchases of each order
SELECT date(o.day * 86400, 'unixepoch') AS day, o.order_number, u.user,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.occurred_at / 1000.0, 'unixepoch') AS occurred_at,
       i.item, i.item_name, e.quantity,
       round(e.amount_micros / 1000000.0 / e.quantity, 6) AS unit_price,
       e.amount_micros / 1000000.0 AS amount, e.amount_micros, e.currency
FROM events e
JOIN orders o ON o.order_id = e.order_id
JOIN users u ON u.user_id = o.user_id
JOIN items i ON i.item_id = e.item_id
WHERE e.quantity > 0;

CREATE VIEW overall_sales AS -- of all time, one row for each currency
SELECT currency, purchases, returns, units_sold, units_returned,
       revenue_micros / 1000000.0 AS revenue, refunds_micros / 1000000.0 AS refunds, (revenue_micros - refunds_micros) / 1000000.0 AS net,
       revenue_micros, refunds_micros, revenue_micros - refunds_micros AS net_micros,
       users, items, orders
FROM stats_total;

CREATE VIEW daily_sales AS -- one row for each day and currency
SELECT date(day * 86400, 'unixepoch') AS day, currency, purchases, returns, units_sold, units_returned,
       revenue_micros / 1000000.0 AS revenue, refunds_micros / 1000000.0 AS refunds, (revenue_micros - refunds_micros) / 1000000.0 AS net,
       revenue_micros, refunds_micros, revenue_micros - refunds_micros AS net_micros,
       orders
FROM stats_day;

CREATE VIEW monthly_sales AS -- one row for each month and currency
SELECT month, currency, purchases, returns, units_sold, units_returned,
       revenue_micros / 1000000.0 AS revenue, refunds_micros / 1000000.0 AS refunds, (revenue_micros - refunds_micros) / 1000000.0 AS net,
       revenue_micros, refunds_micros, revenue_micros - refunds_micros AS net_micros,
       orders
FROM (SELECT strftime('%Y-%m', day * 86400, 'unixepoch') AS month, currency, sum(purchases) AS purchases, sum(returns) AS returns,
             sum(units_sold) AS units_sold, sum(units_returned) AS units_returned,
             sum(revenue_micros) AS revenue_micros, sum(refunds_micros) AS refunds_micros, sum(orders) AS orders
      FROM stats_day GROUP BY 1, currency);

CREATE VIEW item_sales AS -- each item, of all time
SELECT i.item, i.item_name, t.currency, t.purchases, t.returns, t.units_sold, t.units_returned,
       t.revenue_micros / 1000000.0 AS revenue, t.refunds_micros / 1000000.0 AS refunds, (t.revenue_micros - t.refunds_micros) / 1000000.0 AS net,
       t.revenue_micros, t.refunds_micros, t.revenue_micros - t.refunds_micros AS net_micros
FROM stats_item t
JOIN items i ON i.item_id = t.item_id;

CREATE VIEW item_daily_sales AS -- each item, one row for each day it sold or came back
SELECT date(t.day * 86400, 'unixepoch') AS day, i.item, i.item_name, t.currency, t.purchases, t.returns, t.units_sold, t.units_returned,
       t.revenue_micros / 1000000.0 AS revenue, t.refunds_micros / 1000000.0 AS refunds, (t.revenue_micros - t.refunds_micros) / 1000000.0 AS net,
       t.revenue_micros, t.refunds_micros, t.revenue_micros - t.refunds_micros AS net_micros
FROM stats_item_day t
JOIN items i ON i.item_id = t.item_id;

CREATE VIEW user_sales AS -- each user, of all time
SELECT u.user, t.currency, t.purchases, t.returns, t.units_sold, t.units_returned,
       t.revenue_micros / 1000000.0 AS revenue, t.refunds_micros / 1000000.0 AS refunds, (t.revenue_micros - t.refunds_micros) / 1000000.0 AS net,
       t.revenue_micros, t.refunds_micros, t.revenue_micros - t.refunds_micros AS net_micros
FROM stats_user t
JOIN users u ON u.user_id = t.user_id;

CREATE VIEW attribute_sales AS -- by attribute, such as country, of all time
SELECT a.attribute, a.value, t.currency, t.purchases, t.returns, t.units_sold, t.units_returned,
       t.revenue_micros / 1000000.0 AS revenue, t.refunds_micros / 1000000.0 AS refunds, (t.revenue_micros - t.refunds_micros) / 1000000.0 AS net,
       t.revenue_micros, t.refunds_micros, t.revenue_micros - t.refunds_micros AS net_micros
FROM stats_attribute t
JOIN attributes a ON a.attribute_id = t.attribute_id;

CREATE VIEW rejected_log AS -- dead letters with the reason, and for some the start of the record
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', r.rejected_at / 1000.0, 'unixepoch') AS rejected_at, c.reason, c.detail,
       format('%s/%d/%d', c.source_topic, r.source_partition, r.source_offset) AS source,
       c.topic, r.partition, r.offset, CAST(x.value AS TEXT) AS value
FROM rejected r
JOIN rejected_causes c ON c.cause_id = r.cause_id
LEFT JOIN rejected_examples x ON x.record_id = r.record_id;

CREATE VIEW retraction_log AS -- records that take an event back, and whether it is gone now
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', r.retracted_at / 1000.0, 'unixepoch') AS retracted_at,
       lower(format('%s-%s-%s-%s-%s', substr(hex(r.event_id), 1, 8), substr(hex(r.event_id), 9, 4),
           substr(hex(r.event_id), 13, 4), substr(hex(r.event_id), 17, 4), substr(hex(r.event_id), 21))) AS event_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.occurred_at / 1000.0, 'unixepoch') AS occurred_at,
       r.partition, r.offset,
       CASE WHEN t.event_id IS NOT NULL THEN 'retracted' WHEN e.event_id IS NOT NULL THEN 'imported again'
           WHEN r.occurred_at < (SELECT kept_since FROM internal_database) THEN 'pruned' ELSE 'not seen' END AS event
FROM retractions r
LEFT JOIN events e ON e.occurred_at = r.occurred_at AND e.event_id = r.event_id
LEFT JOIN retracted_events t ON t.occurred_at = r.occurred_at AND t.event_id = r.event_id;

CREATE VIEW duplicate_log AS -- records whose event, or dead letter, was there already
SELECT d.topic, d.partition, d.offset,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.occurred_at / 1000.0, 'unixepoch') AS occurred_at,
       ifnull(e.given_id, lower(format('%s-%s-%s-%s-%s', substr(hex(d.event_id), 1, 8), substr(hex(d.event_id), 9, 4),
           substr(hex(d.event_id), 13, 4), substr(hex(d.event_id), 17, 4), substr(hex(d.event_id), 21)))) AS event_id,
       d.conflict
FROM duplicates d
LEFT JOIN events e ON e.occurred_at = d.occurred_at AND e.event_id = d.event_id;

CREATE VIEW gap_log AS -- offsets that had expired before they were read, here or by `processor`
SELECT topic, partition, from_offset, to_offset, to_offset - from_offset + 1 AS offsets,
       strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1000.0, 'unixepoch') AS recorded_at
FROM gaps;

CREATE VIEW progress AS -- how far each log has been stored
SELECT topic, partition, next_offset, high_watermark, lag,
       strftime('%Y-%m-%dT%H:%M:%fZ', latest_event_at / 1000.0, 'unixepoch') AS latest_event_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', stored_at / 1000.0, 'unixepoch') AS stored_at,
       records, events, duplicates, conflicts, rejected, late, retractions, retracted, expired
FROM internal_partitions;
