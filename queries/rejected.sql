-- title: Rejected records
-- group: quality
-- description: Dead letters by reason, the most frequent first, with the detail and
--   the beginning of one of each.
-- column reason: text | Reason code, such as missing_user; docs/events.md explains each.
-- column records: integer | Number of records.
-- column share: percent | Share of all rejected records.
-- column first_at: time | When the first was rejected, UTC.
-- column last_at: time | When the last was rejected, UTC.
-- column detail: text | Detail of one of them.
-- column example: text | Beginning of the value of one of them.
-- bars: records
-- chart: bar records
-- optional: first_at, example, share

SELECT reason,
       records,
       round(100.0 * records / (SELECT sum(records) FROM stats_rejected), 2) AS share,
       strftime('%Y-%m-%dT%H:%M:%SZ', first_at / 1000, 'unixepoch') AS first_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', last_at / 1000, 'unixepoch') AS last_at,
       (SELECT min(detail) FROM rejected_causes c WHERE c.reason = s.reason AND detail <> '') AS detail,
       (SELECT CAST(value AS TEXT) FROM rejected_examples x WHERE x.reason = s.reason ORDER BY record_id LIMIT 1) AS example
FROM stats_rejected s
ORDER BY records DESC, reason;
