-- title: Average order
-- description: What an order with a purchase comes to, one row for each month, UTC,
--   and currency, the earliest first; an order counts in each month that it has
--   a purchase in. It reads every event between --since and --until, and of all
--   time without them.
-- param since: date | First day, UTC.
-- param until: date | Last day, UTC, inclusive.
-- column month: time | UTC.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column orders: integer | Orders with a purchase.
-- column average_revenue: money | Price times quantity of an order's purchases, rounded down to a millionth.
-- column average_units: number | Pieces in an order, to two decimals.
-- column average_lines: number | Purchases in an order, to two decimals.
-- bars: average_revenue
-- example: --since 2011-11-01 --until 2011-11-30

SELECT strftime('%Y-%m', occurred_at / 1000, 'unixepoch') AS month,
       currency,
       count(DISTINCT order_id) AS orders,
       sum(quantity * ifnull(unit_price, 0)) / count(DISTINCT order_id) AS average_revenue,
       round(1.0 * sum(quantity) / count(DISTINCT order_id), 2) AS average_units,
       round(1.0 * count(*) / count(DISTINCT order_id), 2) AS average_lines
FROM events
WHERE quantity > 0 AND order_id IS NOT NULL
  AND occurred_at >= ifnull(unixepoch(:since) * 1000, 0)
  AND occurred_at < ifnull((unixepoch(:until) + 86400) * 1000, 9223372036854775807)
GROUP BY month, currency
ORDER BY month, currency;
