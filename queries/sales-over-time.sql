-- title: Sales over time
-- description: Sales of each hour, day, week or month that had any, one row for
--   each currency, the earliest first.
-- param every: choice(hour, day, week, month) = month | The length of a period; weeks begin on Monday.
-- param since: date | First day, UTC.
-- param until: date | Last day, UTC, inclusive.
-- column period: time | When it begins, UTC: an hour, a day, a week's Monday or a month.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column purchases: integer | Events.
-- column returns: integer | Events.
-- column units_sold: integer | Pieces.
-- column units_returned: integer | Pieces.
-- column revenue: money | Price times quantity of the purchases, in the row's currency.
-- column refunds: money | The same of the returns.
-- example: --every day --since 2011-11-01 --until 2011-11-30

SELECT CASE :every
           WHEN 'hour' THEN strftime('%Y-%m-%dT%H:00Z', hour * 3600, 'unixepoch')
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
FROM sales_hourly
WHERE hour >= ifnull(unixepoch(:since) / 3600, 0)
  AND hour < ifnull(unixepoch(:until) / 3600 + 24, 9223372036854775807)
GROUP BY period, currency
ORDER BY period, currency;
