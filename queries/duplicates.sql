-- title: Duplicates
-- group: quality
-- description: Records whose event or dead letter was stored before, the latest of
--   the last partition first. Each is counted once. A conflict has the identity of a
--   stored event and other content, which is usually a mistake of the writer. It reads the event of each row.
-- param limit: integer(1..10000) = 20 | How many rows.
-- param kind: choice(all, conflict, repetition) = all | Which of them.
-- column topic: text | Topic of the record.
-- column partition: integer | Partition of the record.
-- column offset: integer | Offset of the record.
-- column kind: text | repetition: the same content; conflict: other content under the same identity.
-- column occurred_at: time | Time of the event, UTC; none for a dead letter.
-- column event_id: text | The event_id as given, or its UUID.
-- chart: none
-- optional: event_id
-- example: --limit 5

SELECT topic, partition, offset,
       iif(conflict, 'conflict', 'repetition') AS kind,
       occurred_at,
       event_id
FROM duplicate_log
WHERE :kind = 'all' OR conflict = (:kind = 'conflict')
ORDER BY topic DESC, partition DESC, offset DESC
LIMIT :limit;
