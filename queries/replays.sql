-- title: Replays
-- description: Every rebuild of the database, the latest first. The last one in
--   place made what the database holds.
-- param limit: integer(1..10000) = 20 | How many rows.
-- column replay: integer | Its number.
-- column kind: text | log: events and statistics from Kafka; rollups: statistics from the events.
-- column result: text | in place; or, where it was only a check, same or different.
-- column started_at: time | UTC.
-- column seconds: number | How long it took.
-- column from_offset: integer | The first offset that was read, least of all partitions.
-- column to_offset: integer | The offset after the last that was read, greatest of all partitions.
-- column records: integer | Read from Kafka.
-- column carried: integer | Taken over from the database before.
-- column events_before: integer | That the database before had, at the same offsets.
-- column events_after: integer | That the new one had.
-- column differences: integer | Figures that differed.
-- column plan: text | What was built from what.
-- example: --limit 5

SELECT replay, kind, result,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at / 1000, 'unixepoch') AS started_at,
       round((finished_at - started_at) / 1000.0, 3) AS seconds,
       (SELECT min(from_offset) FROM replay_partitions p WHERE p.replay = r.replay) AS from_offset,
       (SELECT max(to_offset) FROM replay_partitions p WHERE p.replay = r.replay) AS to_offset,
       records, carried,
       (SELECT before FROM replay_figures f WHERE f.replay = r.replay AND figure = 'events') AS events_before,
       (SELECT after FROM replay_figures f WHERE f.replay = r.replay AND figure = 'events') AS events_after,
       (SELECT count(*) FROM replay_figures f WHERE f.replay = r.replay AND before <> after) AS differences,
       plan
FROM replays r
WHERE finished_at IS NOT NULL
ORDER BY replay DESC
LIMIT :limit;
