-- The topic analytics in PostgreSQL, for deploy/connect/postgres-sink.json. Run it once as the owner of the database.
-- events is the topic, record by record. sales is what counts: what `analytics` counts, too.

CREATE TABLE events (
    __connect_topic     text   NOT NULL,
    __connect_partition int    NOT NULL,
    __connect_offset    bigint NOT NULL,
    schema              int    NOT NULL,
    event_id            text   NOT NULL, -- as given; a UUID where none was given
    kind                text   NOT NULL, -- purchase, return or retraction
    "user"              text,
    item                text,
    item_name           text,
    quantity            bigint,          -- units, negative for a return
    amount_micros       bigint,          -- millionths of the currency's unit, negative for a return; NULL when unknown
    currency            text,            -- ISO 4217
    order_id            text,
    "timestamp"         timestamptz NOT NULL,
    attributes_country  text,            -- one column for each attribute that the connector's schema names
    imported_at         timestamptz,
    retracted_at        timestamptz,
    processed_at        timestamptz NOT NULL,
    PRIMARY KEY (__connect_topic, __connect_partition, __connect_offset)
);

CREATE INDEX events_by_identity ON events ("timestamp", event_id);

-- An event's identity is event_id and timestamp. Its first copy counts, unless a retraction takes it back; an event that was
-- imported after the retraction was issued is not taken back.
CREATE VIEW sales AS
SELECT DISTINCT ON (e."timestamp", e.event_id)
    e.event_id, e.kind, e."user", e.item, e.item_name, e.quantity, (e.amount_micros / 1000000.0)::numeric(20, 6) AS amount, e.amount_micros,
    e.currency, e.order_id, e."timestamp", e.attributes_country, e.processed_at
FROM events e
WHERE e.kind <> 'retraction'
  AND NOT EXISTS (
    SELECT FROM events r
    WHERE r.kind = 'retraction' AND r."timestamp" = e."timestamp" AND r.event_id = e.event_id
      AND (e.imported_at IS NULL OR r.retracted_at IS NULL OR e.imported_at <= r.retracted_at))
ORDER BY e."timestamp", e.event_id, e.__connect_partition, e.__connect_offset;
