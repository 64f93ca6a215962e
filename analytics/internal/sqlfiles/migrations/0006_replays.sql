-- +goose Up
PRAGMA user_version = 6;

ALTER TABLE topics ADD COLUMN role TEXT NOT NULL DEFAULT '' /* events or dead_letters, '' until the next run knows */;
UPDATE topics SET role = 'events' WHERE topic = 'analytics' OR topic IN (SELECT topic FROM partitions WHERE events > 0);
UPDATE topics SET role = 'dead_letters' WHERE role = '' AND (topic = 'purchases.dlq' OR topic IN (SELECT topic FROM partitions WHERE rejected > 0));

CREATE TABLE replays ( -- every rebuild; the last one in place made what this database holds
    replay      INTEGER NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL, -- log: events and statistics from Kafka; rollups: statistics from the events
    plan        TEXT    NOT NULL, -- what is built from what, by which one that was interrupted is known again
    result      TEXT    NOT NULL, -- building, in place; same or different when it was only a check
    started_at  INTEGER NOT NULL, -- milliseconds since 1970 UTC
    finished_at INTEGER,          -- the same, null while building
    records     INTEGER NOT NULL DEFAULT 0, -- read from Kafka
    carried     INTEGER NOT NULL DEFAULT 0  -- taken over from the database before
) STRICT;

CREATE TABLE replay_partitions ( -- what each replay read
    replay      INTEGER NOT NULL REFERENCES replays,
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    from_offset INTEGER NOT NULL, -- records below it were taken over, or had been missing before
    to_offset   INTEGER NOT NULL, -- the offset after the last one
    PRIMARY KEY (replay, topic, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE replay_figures ( -- old data against new, at the same offsets
    replay   INTEGER NOT NULL REFERENCES replays,
    figure   TEXT    NOT NULL, -- events, users, revenue, ...
    currency TEXT    NOT NULL, -- '' for what is of the whole database
    before   INTEGER NOT NULL, -- money in millionths
    after    INTEGER NOT NULL,
    PRIMARY KEY (replay, figure, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE stale_rollups ( -- statistics that are computed from the events before anything else is done, as after a migration that adds one
    name TEXT NOT NULL PRIMARY KEY -- of their table
) STRICT, WITHOUT ROWID;
