-- title: Replays
-- group: pipeline
-- description: Every rebuild of the database, the latest first. The latest one
--   in place produced the current data.
-- param limit: integer(1..10000) = 20 | How many rows.
-- column replay: integer | Number of the replay.
-- column kind: text | log: events and statistics rebuilt from Kafka; rollups: statistics rebuilt from the events.
-- column result: text | in place; after a check only: same or different.
-- column started_at: time | When it began, UTC.
-- column seconds: number | Duration in seconds.
-- column from_offset: integer | Lowest first offset of all partitions.
-- column to_offset: integer | Highest next offset of all partitions.
-- column records: integer | Records read from Kafka.
-- column carried: integer | Records copied from the previous database.
-- column events_before: integer | Events of the previous database, at the same offsets.
-- column events_after: integer | Events of the new database.
-- column differences: integer | Figures that differ between the two.
-- column plan: text | Plan of the replay.
-- chart: none
-- optional: plan, from_offset, to_offset, carried, seconds, events_before
-- example: --limit 5

SELECT replay, kind, result,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at / 1000, 'unixepoch') AS started_at,
       round((finished_at - started_at) / 1000.0, 3) AS seconds,
       (SELECT min(from_offset) FROM internal_replay_partitions p WHERE p.replay = r.replay) AS from_offset,
       (SELECT max(to_offset) FROM internal_replay_partitions p WHERE p.replay = r.replay) AS to_offset,
       records, carried,
       (SELECT before FROM internal_replay_figures f WHERE f.replay = r.replay AND figure = 'events') AS events_before,
       (SELECT after FROM internal_replay_figures f WHERE f.replay = r.replay AND figure = 'events') AS events_after,
       (SELECT count(*) FROM internal_replay_figures f WHERE f.replay = r.replay AND before <> after) AS differences,
       plan
FROM internal_replays r
WHERE finished_at IS NOT NULL
ORDER BY replay DESC
LIMIT :limit;
