-- title: Ingest
-- group: pipeline
-- description: Rate, lag and record counts of each partition, as of the latest
--   batch. `analytics status` asks Kafka for the lag of this moment.
-- column topic: text | Topic.
-- column partition: integer | Partition.
-- column lag: integer | Offsets that were not read yet when the partition was read last; none if unknown.
-- column per_second: number | Records stored in the last full minute by the clock, divided by 60.
-- column records: integer | Records read.
-- column events: integer | Records stored and counted as events.
-- column duplicates: integer | Records whose event was stored before.
-- column rejected: integer | Records that are dead letters.
-- column late: integer | Events that came more than a day after a later one.
-- column stored_at: time | When a record was stored last, UTC.
-- bars: records
-- chart: none
-- optional: stored_at, late, duplicates, rejected

WITH last_minute AS (
    SELECT topic, partition, sum(records) AS records
    FROM internal_minutes
    WHERE minute = unixepoch() / 60 - 1
    GROUP BY topic, partition
)
SELECT topic, partition,
       lag,
       iif(stored_at IS NULL, NULL, round(ifnull(last_minute.records, 0) / 60.0, 1)) AS per_second,
       p.records, events, duplicates, rejected, late,
       strftime('%Y-%m-%dT%H:%M:%SZ', stored_at / 1000, 'unixepoch') AS stored_at
FROM internal_partitions p
LEFT JOIN last_minute USING (topic, partition)
ORDER BY topic, partition;
