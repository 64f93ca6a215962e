-- +goose Up
PRAGMA application_id = 0x50555243; -- "PURC", shown by file(1)
PRAGMA user_version = 1;

CREATE TABLE topics ( -- the logs that this database was built from
    topic      TEXT NOT NULL PRIMARY KEY,
    cluster_id TEXT NOT NULL, -- of the Kafka cluster that has the topic
    topic_id   TEXT NOT NULL  -- changes when a topic is deleted and made again (KIP-516)
) STRICT, WITHOUT ROWID;

CREATE TABLE partitions ( -- how far each log has been stored, and what became of its records
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,           -- every record below it is in this database
    watermark   INTEGER,                    -- latest occurred_at stored from this partition, milliseconds since 1970 UTC
    stored_at   INTEGER,                    -- when next_offset last moved, milliseconds since 1970 UTC
    records     INTEGER NOT NULL DEFAULT 0, -- read = events + duplicates + rejected
    events      INTEGER NOT NULL DEFAULT 0,
    duplicates  INTEGER NOT NULL DEFAULT 0,
    rejected    INTEGER NOT NULL DEFAULT 0,
    late        INTEGER NOT NULL DEFAULT 0, -- of the events
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    user_id INTEGER NOT NULL PRIMARY KEY,
    user    TEXT    NOT NULL UNIQUE -- as the events name it
) STRICT;

CREATE TABLE items (
    item_id   INTEGER NOT NULL PRIMARY KEY,
    item      TEXT    NOT NULL UNIQUE,    -- as the events name it
    item_name TEXT    NOT NULL DEFAULT '', -- of the latest event that had a name
    named_at  INTEGER NOT NULL DEFAULT 0  -- occurred_at of that event
) STRICT;

CREATE TABLE orders (
    order_id     INTEGER NOT NULL PRIMARY KEY,
    order_number TEXT    NOT NULL, -- the events' order_id
    currency     TEXT    NOT NULL,
    UNIQUE (order_number, currency)
) STRICT;

CREATE TABLE attributes ( -- each pair of name and value that an event had
    attribute_id INTEGER NOT NULL PRIMARY KEY,
    attribute    TEXT    NOT NULL, -- country
    value        TEXT    NOT NULL, -- United Kingdom
    UNIQUE (attribute, value)
) STRICT;

CREATE TABLE attribute_sets ( -- each combination of attributes that an event had
    attribute_set_id INTEGER NOT NULL PRIMARY KEY,
    attributes       TEXT    NOT NULL UNIQUE -- JSON object, names in order
) STRICT;

-- Keyed by time, so that new events land at the end of the tree and a range of
-- time is one scan, and by identity, so that one event is never stored twice.
CREATE TABLE events ( -- every purchase and return; read the view event_log
    occurred_at      INTEGER NOT NULL, -- milliseconds since 1970 UTC
    event_id         BLOB    NOT NULL, -- UUID, 16 bytes
    partition        INTEGER NOT NULL, -- of the topic analytics
    offset           INTEGER NOT NULL,
    user_id          INTEGER NOT NULL REFERENCES users,
    item_id          INTEGER NOT NULL REFERENCES items,
    order_id         INTEGER REFERENCES orders,
    quantity         INTEGER NOT NULL, -- negative for a return, never 0
    unit_price       INTEGER,          -- millionths of the currency's unit
    currency         TEXT    NOT NULL, -- ISO 4217, '' when unknown
    attribute_set_id INTEGER REFERENCES attribute_sets,
    processed_at     INTEGER NOT NULL, -- by the processor, milliseconds since 1970 UTC
    PRIMARY KEY (occurred_at, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE duplicates ( -- records whose event was there already: stored and counted once
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    offset    INTEGER NOT NULL,
    event_id  BLOB    NOT NULL,
    PRIMARY KEY (topic, partition, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE late_events ( -- stored and counted, but long after later ones of their partition
    partition   INTEGER NOT NULL,
    offset      INTEGER NOT NULL,
    event_id    BLOB    NOT NULL,
    occurred_at INTEGER NOT NULL, -- milliseconds since 1970 UTC
    watermark   INTEGER NOT NULL, -- of the partition at that moment
    PRIMARY KEY (partition, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE rejected ( -- dead letters, and records that this program could not read
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
) STRICT, WITHOUT ROWID;

CREATE INDEX rejected_by_reason ON rejected (reason);

CREATE TABLE rejected_totals (
    reason   TEXT    NOT NULL PRIMARY KEY,
    records  INTEGER NOT NULL,
    first_at INTEGER NOT NULL, -- milliseconds since 1970 UTC
    last_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The statistics. All share six measures: purchases and returns count events,
-- units_sold and units_returned count pieces, revenue and refunds are money in
-- millionths of the currency's unit; none is ever negative.

CREATE TABLE totals (
    currency       TEXT    NOT NULL PRIMARY KEY,
    purchases      INTEGER NOT NULL DEFAULT 0,
    returns        INTEGER NOT NULL DEFAULT 0,
    units_sold     INTEGER NOT NULL DEFAULT 0,
    units_returned INTEGER NOT NULL DEFAULT 0,
    revenue        INTEGER NOT NULL DEFAULT 0,
    refunds        INTEGER NOT NULL DEFAULT 0,
    users          INTEGER NOT NULL DEFAULT 0, -- that had an event in this currency
    items          INTEGER NOT NULL DEFAULT 0,
    orders         INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE sales_hourly (
    hour           INTEGER NOT NULL, -- hours since 1970 UTC
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (hour, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE item_totals (
    item_id        INTEGER NOT NULL REFERENCES items,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (item_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE item_daily (
    day            INTEGER NOT NULL, -- days since 1970 UTC
    item_id        INTEGER NOT NULL REFERENCES items,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (day, item_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_totals (
    user_id        INTEGER NOT NULL REFERENCES users,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (user_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE attribute_totals (
    attribute_id   INTEGER NOT NULL REFERENCES attributes,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (attribute_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE attribute_daily (
    day            INTEGER NOT NULL, -- days since 1970 UTC
    attribute_id   INTEGER NOT NULL REFERENCES attributes,
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (day, attribute_id, currency)
) STRICT, WITHOUT ROWID;

-- An AFTER INSERT trigger does not fire for an upsert that updates, so each
-- user and item counts once.

-- +goose StatementBegin
CREATE TRIGGER count_user AFTER INSERT ON user_totals BEGIN
    INSERT INTO totals (currency, users) VALUES (new.currency, 1)
    ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER count_item AFTER INSERT ON item_totals BEGIN
    INSERT INTO totals (currency, items) VALUES (new.currency, 1)
    ON CONFLICT DO UPDATE SET items = items + 1;
END;
-- +goose StatementEnd
