-- title: Repeated event ids
-- group: quality
-- description: Event ids that stand on events of different times. The identity of an
--   event is event_id and timestamp together, so each of these counts; usually the
--   writer meant one. It reads every event.
-- param limit: integer(1..10000) = 20 | How many rows.
-- column event_id: text | The event_id as given, or its UUID.
-- column events: integer | Events with this id.
-- column first_at: time | Time of the earliest, UTC.
-- column last_at: time | Time of the latest, UTC.
-- chart: none
-- example: --limit 5

SELECT ifnull(max(given_id), lower(printf('%s-%s-%s-%s-%s', substr(hex(events.event_id), 1, 8), substr(hex(events.event_id), 9, 4),
           substr(hex(events.event_id), 13, 4), substr(hex(events.event_id), 17, 4), substr(hex(events.event_id), 21)))) AS event_id,
       count(*) AS events,
       strftime('%Y-%m-%dT%H:%M:%S', min(occurred_at) / 1000, 'unixepoch') || printf('.%03dZ', min(occurred_at) % 1000) AS first_at,
       strftime('%Y-%m-%dT%H:%M:%S', max(occurred_at) / 1000, 'unixepoch') || printf('.%03dZ', max(occurred_at) % 1000) AS last_at
FROM events
GROUP BY events.event_id
HAVING count(*) > 1
ORDER BY count(*) DESC, max(occurred_at) DESC, events.event_id
LIMIT :limit;
