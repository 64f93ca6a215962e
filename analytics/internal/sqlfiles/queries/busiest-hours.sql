-- title: Busiest hours
-- group: sales
-- description: Purchases by weekday and hour of the day, all currencies together,
--   the busiest first. It reads the sums of every quarter of an hour in the range.
-- param limit: integer(1..168) = 10 | How many rows.
-- param since: start | First day, or an instant, which is rounded down to a quarter of an hour.
-- param until: end | Last day, inclusive, or an instant, exclusive.
-- param zone: zone | Time zone of the clock; the reporting zone if you give none.
-- column weekday: text | Monday to Sunday.
-- column hour: integer | Hour of the day, 0 to 23.
-- column purchases: integer | Number of purchases.
-- column units_sold: integer | Units sold.
-- column share: percent | Share of all purchases in the range.
-- bars: purchases
-- chart: heatmap purchases
-- example: --zone Europe/London --limit 5

WITH offsets AS MATERIALIZED (
    SELECT value ->> 0 AS first, value ->> 1 AS past, value ->> 2 AS offset_seconds FROM json_each(:zone)
), busy AS MATERIALIZED (
    SELECT (quarter_hour * 900 + offset_seconds + 604800) / 3600 % 168 AS hours, -- 1970 began on a Thursday
           sum(purchases) AS purchases,
           sum(units_sold) AS units_sold
    FROM offsets
    CROSS JOIN stats_quarter_hour
        ON quarter_hour >= max(first, ifnull(:since / 900000, first)) AND quarter_hour < min(past, ifnull(:until / 900000, past))
    GROUP BY hours
    HAVING sum(purchases) > 0
)
SELECT CASE (hours / 24 + 3) % 7 WHEN 0 THEN 'Monday' WHEN 1 THEN 'Tuesday' WHEN 2 THEN 'Wednesday' WHEN 3 THEN 'Thursday'
           WHEN 4 THEN 'Friday' WHEN 5 THEN 'Saturday' ELSE 'Sunday' END AS weekday,
       hours % 24 AS hour,
       purchases,
       units_sold,
       round(100.0 * purchases / (SELECT sum(purchases) FROM busy), 2) AS share
FROM busy
ORDER BY busy.purchases DESC, (hours + 72) % 168
LIMIT :limit;
