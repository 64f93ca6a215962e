-- title: Average order
-- group: sales
-- description: The average order of each month and currency, the earliest month
--   first. An order is the purchases that share order number, user, currency and
--   day.
-- param since: date | First day.
-- param until: date | Last day, inclusive.
-- param currency: text | Only this currency, such as EUR.
-- column month: time | Month on the calendar of the reporting zone.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column orders: integer | Number of orders.
-- column average_revenue: money | Revenue of an order, rounded down to a millionth.
-- column average_units: number | Units in an order, to two decimals.
-- column average_lines: number | Purchases in an order, to two decimals.
-- bars: average_revenue
-- chart: line average_revenue
-- example: --since 2011-11-01 --until 2011-11-30

SELECT strftime('%Y-%m', day * 86400, 'unixepoch') AS month,
       currency,
       sum(orders) AS orders,
       sum(order_revenue_micros) / sum(orders) AS average_revenue,
       round(1.0 * sum(order_units_sold) / sum(orders), 2) AS average_units,
       round(1.0 * sum(order_purchases) / sum(orders), 2) AS average_lines
FROM stats_day
WHERE orders > 0
  AND day >= ifnull(unixepoch(:since) / 86400, -9223372036854775808)
  AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
  AND (:currency IS NULL OR currency = :currency)
GROUP BY month, currency
ORDER BY month, currency;
