-- title: Gaps
-- group: quality
-- description: Offsets that had expired before they were read, one row for each
--   range. The statistics lack their records, and nothing can bring them back.
-- column topic: text | Topic; that of the purchases where they had expired before `processor` read them.
-- column partition: integer | Partition.
-- column from_offset: integer | First missing offset.
-- column to_offset: integer | Last missing offset.
-- column offsets: integer | Missing offsets; transaction markers are among them, so the records are somewhat fewer.
-- column recorded_at: time | When `analytics run` or `processor run` accepted the gap, UTC.
-- chart: none

SELECT topic, partition, from_offset, to_offset, offsets, recorded_at
FROM gap_log
ORDER BY topic, partition, from_offset;
