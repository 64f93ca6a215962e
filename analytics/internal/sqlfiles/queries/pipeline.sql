-- title: Pipeline
-- group: pipeline
-- description: How far everything is stored, in one row.
-- column records: integer | Records read from all logs.
-- column per_second: number | Records stored in the last full minute by the clock, divided by 60.
-- column lag: integer | Offsets that were not read yet when the logs were read last; none if unknown.
-- column last_event: time | Time of the latest event, UTC.
-- column stored_at: time | When a record was stored last, UTC.
-- column dead_letters: integer | Dead letters of all time.
-- column dead_letters_last_hour: integer | Dead letters stored in the last hour.
-- column duplicates: integer | Records whose event was stored before.
-- chart: number

WITH minutes AS (
    SELECT ifnull(sum(records) FILTER (WHERE minute = unixepoch() / 60 - 1), 0) AS last_minute,
           ifnull(sum(records) FILTER (WHERE role = 'dead_letters' AND minute >= unixepoch() / 60 - 60), 0) AS dead_letters
    FROM internal_minutes
    JOIN internal_topics USING (topic)
)
SELECT ifnull(sum(records), 0) AS records,
       round((SELECT last_minute FROM minutes) / 60.0, 1) AS per_second,
       CASE WHEN count(high_watermark) = count(*) THEN sum(lag) END AS lag,
       strftime('%Y-%m-%dT%H:%M:%SZ', max(latest_event_at) / 1000, 'unixepoch') AS last_event,
       strftime('%Y-%m-%dT%H:%M:%SZ', max(stored_at) / 1000, 'unixepoch') AS stored_at,
       (SELECT ifnull(sum(records), 0) FROM stats_rejected) AS dead_letters,
       (SELECT dead_letters FROM minutes) AS dead_letters_last_hour,
       ifnull(sum(duplicates), 0) AS duplicates
FROM internal_partitions;
