-- +goose Up
PRAGMA user_version = 3;

-- The last record stored from each partition, by which the log is known again
-- at the next start; null before the first.
ALTER TABLE partitions ADD COLUMN last_offset INTEGER;
ALTER TABLE partitions ADD COLUMN last_timestamp INTEGER /* given by Kafka, milliseconds since 1970 UTC */;
ALTER TABLE partitions ADD COLUMN last_crc INTEGER /* CRC-32C of its key followed by its value */;

CREATE TABLE gaps ( -- offsets that had expired before they were read: the statistics lack their records
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    from_offset INTEGER NOT NULL, -- the first that is missing
    to_offset   INTEGER NOT NULL, -- the last that is missing
    recorded_at INTEGER NOT NULL, -- milliseconds since 1970 UTC
    PRIMARY KEY (topic, partition, from_offset)
) STRICT, WITHOUT ROWID;
