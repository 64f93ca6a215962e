-- title: Busiest hours
-- description: When people buy, one row for each weekday and hour of the day that
--   had a purchase, of all currencies, the busiest first. With --since or
--   --until, or in a zone whose clock changes, it reads a row for each hour.
-- param limit: integer(1..168) = 10 | How many rows.
-- param since: date | First day, in the time zone.
-- param until: date | Last day, in the time zone, inclusive.
-- param zone: zone = UTC | The clock by which the hours are named.
-- column weekday: text | Monday to Sunday.
-- column hour: integer | 0 to 23.
-- column purchases: integer | Events.
-- column units_sold: integer | Pieces.
-- column share: percent | Of all purchases in these days.
-- bars: purchases
-- example: --zone Europe/London --limit 5

WITH shifts AS (
    SELECT value ->> 0 AS first, value ->> 1 AS past, value ->> 2 AS shift FROM json_each(:zone)
), reads AS (
    SELECT json_array_length(:zone) = 1 AND :since IS NULL AND :until IS NULL AS all_time
), local AS (
    SELECT (week_hour + shift + 168) % 168 AS week_hour, purchases, units_sold
    FROM reads
    CROSS JOIN shifts
    CROSS JOIN sales_by_week_hour
    WHERE all_time
    UNION ALL
    SELECT (hour + shift + 72) % 168, purchases, units_sold -- 1970 began on a Thursday
    FROM reads
    CROSS JOIN shifts
    CROSS JOIN sales_hourly ON hour >= first AND hour < past
    WHERE NOT all_time
      AND hour + shift >= ifnull(unixepoch(:since) / 3600, 0)
      AND hour + shift < ifnull(unixepoch(:until) / 3600 + 24, 9223372036854775807)
), busy AS MATERIALIZED (
    SELECT week_hour, sum(purchases) AS purchases, sum(units_sold) AS units_sold
    FROM local
    GROUP BY week_hour
    HAVING sum(purchases) > 0
)
SELECT CASE week_hour / 24 WHEN 0 THEN 'Monday' WHEN 1 THEN 'Tuesday' WHEN 2 THEN 'Wednesday' WHEN 3 THEN 'Thursday'
           WHEN 4 THEN 'Friday' WHEN 5 THEN 'Saturday' ELSE 'Sunday' END AS weekday,
       week_hour % 24 AS hour,
       purchases,
       units_sold,
       round(100.0 * purchases / (SELECT sum(purchases) FROM busy), 2) AS share
FROM busy
ORDER BY busy.purchases DESC, week_hour
LIMIT :limit;
