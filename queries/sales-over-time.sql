-- title: Sales over time
-- group: sales
-- description: Sales of each hour, day, week or month that had any, one row for each
--   currency, the earliest first. Days, weeks and months of the reporting zone come
--   from the sums by day; hours, other zones and instants read the sums of every
--   quarter of an hour in the range.
-- param every: choice(hour, day, week, month) = month | Length of a period; weeks begin on Monday.
-- param since: start | First day, or an instant, which is rounded down to a quarter of an hour.
-- param until: end | Last day, inclusive, or an instant, exclusive.
-- param zone: zone | Time zone of the clock; the reporting zone if you give none.
-- param currency: text | Only this currency, such as EUR.
-- column period: time | Beginning of the period: an hour with its offset from UTC, a day, a week's Monday, or a month.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column purchases: integer | Number of purchases.
-- column returns: integer | Number of returns.
-- column units_sold: integer | Units sold.
-- column units_returned: integer | Units returned.
-- column revenue: money | Amount of the purchases, in the row's currency.
-- column refunds: money | Amount of the returns, in the row's currency.
-- column net: money | Revenue less refunds.
-- bars: revenue
-- chart: line revenue
-- optional: returns, units_returned, purchases, refunds
-- example: --every day --since 2011-11-01 --until 2011-11-30

WITH offsets AS MATERIALIZED (
    SELECT value ->> 0 AS first, value ->> 1 AS past, value ->> 2 AS offset_seconds FROM json_each(:zone)
), chosen AS MATERIALIZED ( -- whether the sums by day answer it
    SELECT :every <> 'hour' AND :zone_is_reporting
       AND (:since IS NULL OR :since_day IS NOT NULL) AND (:until IS NULL OR :until_day IS NOT NULL) AS by_day
), local AS (
    SELECT day * 86400 AS second, 0 AS offset_seconds, currency, purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros
    FROM chosen
    CROSS JOIN stats_day
    WHERE by_day
      AND day >= ifnull(:since_day, -9223372036854775808)
      AND day <= ifnull(:until_day, 9223372036854775807)
    UNION ALL
    SELECT quarter_hour * 900 + offset_seconds, offset_seconds, currency, purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros
    FROM chosen
    CROSS JOIN offsets
    CROSS JOIN stats_quarter_hour
        ON quarter_hour >= max(first, ifnull(:since / 900000, first)) AND quarter_hour < min(past, ifnull(:until / 900000, past))
    WHERE NOT by_day
)
SELECT CASE :every
           WHEN 'hour' THEN strftime('%Y-%m-%dT%H:00', second, 'unixepoch')
               || iif(offset_seconds = 0, 'Z', printf('%s%02d:%02d', iif(offset_seconds < 0, '-', '+'), abs(offset_seconds) / 3600, abs(offset_seconds) / 60 % 60))
           WHEN 'day' THEN date(second, 'unixepoch')
           WHEN 'week' THEN date(second, 'unixepoch', 'weekday 0', '-6 days')
           ELSE strftime('%Y-%m', second, 'unixepoch')
       END AS period,
       currency,
       sum(purchases) AS purchases,
       sum(returns) AS returns,
       sum(units_sold) AS units_sold,
       sum(units_returned) AS units_returned,
       sum(revenue_micros) AS revenue,
       sum(refunds_micros) AS refunds,
       sum(revenue_micros) - sum(refunds_micros) AS net
FROM local
WHERE :currency IS NULL OR currency = :currency
GROUP BY period, currency
ORDER BY iif(:every = 'hour', min(second - offset_seconds), 0), period, currency;
