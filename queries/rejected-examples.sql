-- title: Examples of rejected records
-- group: quality
-- description: The beginning of the first records that were rejected for each reason.
-- param reason: text | Only this reason, such as missing_user.
-- param limit: integer(1..1000) = 20 | How many rows.
-- column reason: text | Reason code.
-- column value: text | Beginning of the record's value.
-- chart: none
-- example: --reason missing_user --limit 5

SELECT reason, CAST(value AS TEXT) AS value
FROM rejected_examples
WHERE :reason IS NULL OR reason = :reason
ORDER BY reason, record_id
LIMIT :limit;
