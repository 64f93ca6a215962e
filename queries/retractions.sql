-- title: Retractions
-- group: quality
-- description: Retractions, the latest of the last partition first, and what became of
--   the event that each takes back. It reads the event of each row.
-- param limit: integer(1..10000) = 20 | How many rows.
-- column partition: integer | Partition of the retraction.
-- column offset: integer | Offset of the retraction.
-- column retracted_at: time | When it was issued, UTC; none if it did not say.
-- column occurred_at: time | Time of the event that it names, UTC.
-- column event_id: text | UUID of the event that it names.
-- column event: text | retracted: the event is in no statistic; imported again: it was, after the retraction; pruned: it is older than the events that are kept, and counts as before; not seen: no such event came.
-- chart: none
-- optional: event_id
-- example: --limit 5

SELECT partition, offset, retracted_at, occurred_at, event_id, event
FROM retraction_log
ORDER BY partition DESC, offset DESC
LIMIT :limit;
