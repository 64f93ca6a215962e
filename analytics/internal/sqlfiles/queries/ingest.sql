-- title: Ingest
-- description: What became of the records of each partition. Its lag is what
--   `analytics status` and /api/v1/status show: the database does not know where
--   a log ends.
-- column topic: text | The log.
-- column partition: integer | Of the topic.
-- column next_offset: integer | Every record below it is stored.
-- column records: integer | Read.
-- column events: integer | Of the records: stored and counted.
-- column duplicates: integer | Of the records: their event was there already.
-- column rejected: integer | Of the records: dead letters.
-- column late: integer | Of the events.
-- column last_event: time | The latest that was stored, UTC.
-- column stored_at: time | When something was stored last, UTC.
-- bars: records

SELECT topic, partition, next_offset, records, events, duplicates, rejected, late,
       strftime('%Y-%m-%dT%H:%M:%SZ', watermark / 1000, 'unixepoch') AS last_event,
       strftime('%Y-%m-%dT%H:%M:%SZ', stored_at / 1000, 'unixepoch') AS stored_at
FROM partitions
ORDER BY topic, partition;
