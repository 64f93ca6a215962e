-- title: Records
-- group: quality
-- description: Every record that was read, by the topic and by its outcome.
-- column topic: text | Topic.
-- column records: integer | Records read; the sum of events, duplicates, rejected, retractions, retracted and expired.
-- column events: integer | Records stored and counted as events.
-- column duplicates: integer | Records whose event or dead letter was stored before, conflicts included.
-- column conflicts: integer | Duplicates with other content than the stored event.
-- column rejected: integer | Records that are dead letters.
-- column retractions: integer | Records that take an event back.
-- column retracted: integer | Events that were taken back.
-- column expired: integer | Dead letters of offsets that had expired before `processor` read them.
-- column late: integer | Events that came more than a day after a later one.
-- column missing_offsets: integer | Offsets that had expired before they were read.
-- bars: records
-- chart: none
-- optional: late, conflicts, retracted, retractions, expired

SELECT topic,
       sum(records) AS records,
       sum(events) AS events,
       sum(duplicates) AS duplicates,
       sum(conflicts) AS conflicts,
       sum(rejected) AS rejected,
       sum(retractions) AS retractions,
       sum(retracted) AS retracted,
       sum(expired) AS expired,
       sum(late) AS late,
       (SELECT ifnull(sum(to_offset - from_offset + 1), 0) FROM gaps g WHERE g.topic = p.topic) AS missing_offsets
FROM internal_partitions p
GROUP BY topic
ORDER BY topic;
