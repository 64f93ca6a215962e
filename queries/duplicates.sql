-- title: Duplicates
-- description: Records whose event was in the database already: stored and counted
--   once. The latest of the last partition first.
-- param limit: integer(1..10000) = 20 | How many rows.
-- column topic: text | Where the record was read.
-- column partition: integer | Of the topic.
-- column offset: integer | In the partition.
-- column event_id: text | UUID of the event.
-- example: --limit 5

SELECT topic, partition, offset,
       lower(printf('%s-%s-%s-%s-%s', substr(hex(event_id), 1, 8), substr(hex(event_id), 9, 4),
           substr(hex(event_id), 13, 4), substr(hex(event_id), 17, 4), substr(hex(event_id), 21))) AS event_id
FROM duplicates
ORDER BY topic DESC, partition DESC, offset DESC
LIMIT :limit;
