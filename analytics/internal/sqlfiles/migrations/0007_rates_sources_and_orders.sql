-- +goose Up
PRAGMA user_version = 7;

ALTER TABLE partitions ADD COLUMN high_watermark INTEGER /* where the log ended when it was read last: the offset that its next record would get */;

CREATE TABLE ingest_minutes ( -- how much was stored in each of the last 60 minutes
    minute    INTEGER NOT NULL, -- minutes since 1970 UTC, by the clock of this machine
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    records   INTEGER NOT NULL,
    PRIMARY KEY (minute, topic, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE sources ( -- which records of the processor's input have their result in this database
    topic     TEXT    NOT NULL, -- such as purchases
    partition INTEGER NOT NULL,
    block     INTEGER NOT NULL, -- of 4096 offsets, from block × 4096 on
    results   BLOB    NOT NULL, -- a bit for each offset, the lowest bit of the first byte for the first
    PRIMARY KEY (topic, partition, block)
) STRICT, WITHOUT ROWID;

-- Sums of sales_hourly, so that what is shown of all time reads few rows.

CREATE TABLE sales_daily (
    day            INTEGER NOT NULL, -- days since 1970 UTC
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (day, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE sales_by_week_hour (
    week_hour      INTEGER NOT NULL, -- 0 to 167, from Monday 00:00 UTC; 1970 began on a Thursday
    currency       TEXT    NOT NULL,
    purchases      INTEGER NOT NULL,
    returns        INTEGER NOT NULL,
    units_sold     INTEGER NOT NULL,
    units_returned INTEGER NOT NULL,
    revenue        INTEGER NOT NULL,
    refunds        INTEGER NOT NULL,
    PRIMARY KEY (week_hour, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_months ( -- in which months an order has a purchase, UTC, beside the one that its row in orders names
    order_id INTEGER NOT NULL REFERENCES orders,
    month    INTEGER NOT NULL, -- months since January 1970
    PRIMARY KEY (order_id, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders_monthly ( -- the purchases of each month that belong to an order
    month      INTEGER NOT NULL, -- months since January 1970 UTC
    currency   TEXT    NOT NULL,
    orders     INTEGER NOT NULL, -- an order counts in each month that it has a purchase in
    purchases  INTEGER NOT NULL,
    units_sold INTEGER NOT NULL,
    revenue    INTEGER NOT NULL, -- millionths of the currency's unit
    PRIMARY KEY (month, currency)
) STRICT, WITHOUT ROWID;

INSERT INTO stale_rollups VALUES ('sales_daily'), ('sales_by_week_hour'), ('order_months'), ('orders_monthly');

DROP VIEW daily_sales;

CREATE VIEW daily_sales AS -- sales of each day, UTC
SELECT date(day * 86400, 'unixepoch') AS day, currency, purchases, returns, units_sold, units_returned,
       printf('%d.%02d', revenue / 1000000, revenue / 10000 % 100) || rtrim(printf('%04d', revenue % 10000), '0') AS revenue,
       printf('%d.%02d', refunds / 1000000, refunds / 10000 % 100) || rtrim(printf('%04d', refunds % 10000), '0') AS refunds
FROM sales_daily;
