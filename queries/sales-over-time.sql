-- title: Sales over time
-- description: Sales of each hour, day, week or month that had any, one row for
--   each currency, the earliest first. Every hour between --since and --until
--   is read.
-- param every: choice(hour, day, week, month) = month | The length of a period; weeks begin on Monday.
-- param since: date | First day, in the time zone.
-- param until: date | Last day, in the time zone, inclusive.
-- param zone: zone = UTC | The clock by which a period begins.
-- column period: time | When it begins, by the zone's clock: an hour, a day, a week's Monday or a month. Only with UTC an hour ends in Z.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column purchases: integer | Events.
-- column returns: integer | Events.
-- column units_sold: integer | Pieces.
-- column units_returned: integer | Pieces.
-- column revenue: money | Price times quantity of the purchases, in the row's currency.
-- column refunds: money | The same of the returns.
-- bars: revenue
-- example: --every day --since 2011-11-01 --until 2011-11-30

WITH shifts AS (
    SELECT value ->> 0 AS first, value ->> 1 AS past, value ->> 2 AS shift FROM json_each(:zone)
), reads AS (
    SELECT json_array_length(:zone) = 1 AND :zone ->> '$[0][2]' = 0 AS utc
), local AS (
    SELECT day * 24 AS hour, '' AS mark, currency, purchases, returns, units_sold, units_returned, revenue, refunds
    FROM reads
    CROSS JOIN sales_daily
    WHERE utc AND :every <> 'hour'
      AND day >= ifnull(unixepoch(:since) / 86400, 0)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    UNION ALL
    SELECT hour + shift, iif(utc, 'Z', ''), currency, purchases, returns, units_sold, units_returned, revenue, refunds
    FROM reads
    CROSS JOIN shifts
    CROSS JOIN sales_hourly ON hour >= max(first, ifnull(unixepoch(:since) / 3600 - 24, 0)) AND hour < past
    WHERE NOT (utc AND :every <> 'hour')
      AND hour + shift >= ifnull(unixepoch(:since) / 3600, 0)
      AND hour + shift < ifnull(unixepoch(:until) / 3600 + 24, 9223372036854775807)
)
SELECT CASE :every
           WHEN 'hour' THEN strftime('%Y-%m-%dT%H:00', hour * 3600, 'unixepoch') || mark
           WHEN 'day' THEN date(hour * 3600, 'unixepoch')
           WHEN 'week' THEN date(hour * 3600, 'unixepoch', 'weekday 0', '-6 days')
           ELSE strftime('%Y-%m', hour * 3600, 'unixepoch')
       END AS period,
       currency,
       sum(purchases) AS purchases,
       sum(returns) AS returns,
       sum(units_sold) AS units_sold,
       sum(units_returned) AS units_returned,
       sum(revenue) AS revenue,
       sum(refunds) AS refunds
FROM local
GROUP BY period, currency
ORDER BY period, currency;
