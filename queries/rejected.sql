-- title: Rejected records
-- description: Dead letters by reason, the most frequent first, with the detail
--   of one of each.
-- column reason: text | Stable code, such as missing_user.
-- column records: integer | Records.
-- column first_at: time | When the first was rejected, UTC.
-- column last_at: time | When the last was rejected, UTC.
-- column example: text | What was wrong with one of them.

SELECT reason,
       records,
       strftime('%Y-%m-%dT%H:%M:%SZ', first_at / 1000, 'unixepoch') AS first_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', last_at / 1000, 'unixepoch') AS last_at,
       (SELECT detail FROM rejected WHERE rejected.reason = rejected_totals.reason ORDER BY rejected.rowid LIMIT 1) AS example
FROM rejected_totals
ORDER BY records DESC, reason;
