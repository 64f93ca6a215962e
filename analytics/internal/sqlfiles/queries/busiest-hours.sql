-- title: Busiest hours
-- description: When people buy, one row for each weekday and hour of the day that
--   had a purchase, the busiest first. Every hour between --since and --until is
--   read, of all currencies.
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
), local AS (
    SELECT hour + shift AS hour, purchases, units_sold
    FROM shifts
    CROSS JOIN sales_hourly ON hour >= first AND hour < past
    WHERE hour + shift >= ifnull(unixepoch(:since) / 3600, 0)
      AND hour + shift < ifnull(unixepoch(:until) / 3600 + 24, 9223372036854775807)
)
SELECT CASE (hour / 24 + 3) % 7 WHEN 0 THEN 'Monday' WHEN 1 THEN 'Tuesday' WHEN 2 THEN 'Wednesday' WHEN 3 THEN 'Thursday'
           WHEN 4 THEN 'Friday' WHEN 5 THEN 'Saturday' ELSE 'Sunday' END AS weekday,
       hour % 24 AS hour,
       sum(purchases) AS purchases,
       sum(units_sold) AS units_sold,
       round(100.0 * sum(purchases) / (SELECT sum(purchases) FROM local), 2) AS share
FROM local
GROUP BY (local.hour / 24 + 3) % 7, local.hour % 24
HAVING sum(purchases) > 0
ORDER BY sum(purchases) DESC, (local.hour / 24 + 3) % 7, local.hour % 24
LIMIT :limit;
