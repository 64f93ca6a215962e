-- title: Ingest
-- description: How fast the records of each partition are stored, how far behind
--   they are, and what became of them. All of it is as it was when something was
--   stored last; `analytics status` and /api/v1/status ask Kafka for the lag of
--   this moment.
-- column topic: text | The log.
-- column partition: integer | Of the topic.
-- column lag: integer | Offsets to be read yet, but for one, which the end of a transaction takes. None when unknown.
-- column per_second: number | Records stored in the latest minute that something was stored in, and the one before. A run that has just begun shows less.
-- column records: integer | Read.
-- column events: integer | Of the records: stored and counted.
-- column duplicates: integer | Of the records: their event was there already.
-- column rejected: integer | Of the records: dead letters.
-- column late: integer | Of the events.
-- column stored_at: time | When something was stored last, UTC.
-- bars: records

WITH latest AS (
    SELECT max(stored_at) AS at, max(stored_at) / 60000 - 1 AS first FROM partitions
), minutes AS (
    SELECT topic, partition, sum(records) AS records
    FROM latest
    CROSS JOIN ingest_minutes ON minute >= first
    GROUP BY topic, partition
)
SELECT topic, partition,
       max(high_watermark - next_offset - 1, 0) AS lag,
       iif(stored_at IS NULL, NULL, round(ifnull(minutes.records, 0) * 1000.0 / (latest.at - first * 60000), 1)) AS per_second,
       p.records, events, duplicates, rejected, late,
       strftime('%Y-%m-%dT%H:%M:%SZ', stored_at / 1000, 'unixepoch') AS stored_at
FROM latest
CROSS JOIN partitions p
LEFT JOIN minutes USING (topic, partition)
ORDER BY topic, partition;
