-- title: Late events
-- group: quality
-- description: Events that came more than a day after a later one of their
--   partition, the latest of the last partition first. They are stored and counted,
--   so figures that you read before have changed.
-- param limit: integer(1..10000) = 20 | How many rows.
-- column partition: integer | Partition of the topic with events.
-- column offset: integer | Offset of the record.
-- column occurred_at: time | Time of the event, UTC.
-- column latest_event_at: time | Latest event before it in the partition, UTC.
-- column hours_late: number | Hours between the two, to one decimal.
-- column event_id: text | UUID of the event.
-- bars: hours_late
-- chart: none
-- optional: event_id
-- example: --limit 5

SELECT partition, offset,
       strftime('%Y-%m-%dT%H:%M:%SZ', occurred_at / 1000, 'unixepoch') AS occurred_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', latest_event_at / 1000, 'unixepoch') AS latest_event_at,
       round((late_events.latest_event_at - late_events.occurred_at) / 3600000.0, 1) AS hours_late,
       lower(printf('%s-%s-%s-%s-%s', substr(hex(event_id), 1, 8), substr(hex(event_id), 9, 4),
           substr(hex(event_id), 13, 4), substr(hex(event_id), 17, 4), substr(hex(event_id), 21))) AS event_id
FROM late_events
ORDER BY partition DESC, offset DESC
LIMIT :limit;
