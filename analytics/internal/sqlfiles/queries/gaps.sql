-- title: Gaps
-- description: Offsets that had expired before they were read, one row for each
--   range. The statistics lack their records, and nothing can bring them back.
-- column topic: text | The log.
-- column partition: integer | Of the topic.
-- column from_offset: integer | The first that is missing.
-- column to_offset: integer | The last that is missing.
-- column offsets: integer | How many are missing; transaction markers count, so the records are somewhat fewer.
-- column recorded_at: time | When `analytics run` went on behind the gap, UTC.

SELECT topic,
       partition,
       from_offset,
       to_offset,
       to_offset - from_offset + 1 AS offsets,
       strftime('%Y-%m-%dT%H:%M:%SZ', recorded_at / 1000, 'unixepoch') AS recorded_at
FROM gaps
ORDER BY topic, partition, from_offset;
