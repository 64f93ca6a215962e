-- title: Late events
-- description: Events that came more than a day after a later one of their partition.
--   They are stored and counted; numbers that were read before have changed. The
--   latest of the last partition first.
-- param limit: integer(1..10000) = 20 | How many rows.
-- column partition: integer | Of the topic with events.
-- column offset: integer | In the partition.
-- column occurred_at: time | UTC.
-- column latest_before: time | Of the events before it in the partition, UTC.
-- column hours_late: number | Between the two, to one decimal.
-- column event_id: text | UUID of the event.
-- bars: hours_late
-- example: --limit 5

SELECT partition, offset,
       strftime('%Y-%m-%dT%H:%M:%SZ', occurred_at / 1000, 'unixepoch') AS occurred_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', watermark / 1000, 'unixepoch') AS latest_before,
       round((watermark - late_events.occurred_at) / 3600000.0, 1) AS hours_late,
       lower(printf('%s-%s-%s-%s-%s', substr(hex(event_id), 1, 8), substr(hex(event_id), 9, 4),
           substr(hex(event_id), 13, 4), substr(hex(event_id), 17, 4), substr(hex(event_id), 21))) AS event_id
FROM late_events
ORDER BY partition DESC, offset DESC
LIMIT :limit;
