-- title: Average order
-- description: What an order with a purchase comes to, one row for each month, UTC,
--   and currency, the earliest first; an order counts in each month that it has
--   a purchase in. With --since or --until it reads every event of those days.
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

WITH sums AS (
    SELECT printf('%04d-%02d', 1970 + month / 12, month % 12 + 1) AS month, currency, orders, revenue, units_sold, purchases
    FROM orders_monthly
    WHERE :since IS NULL AND :until IS NULL
    UNION ALL
    SELECT strftime('%Y-%m', occurred_at / 1000, 'unixepoch') AS m, currency,
           count(DISTINCT order_id), sum(quantity * ifnull(unit_price, 0)), sum(quantity), count(*)
    FROM events
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND quantity > 0 AND order_id IS NOT NULL
      AND occurred_at >= ifnull(unixepoch(:since) * 1000, 0)
      AND occurred_at < ifnull((unixepoch(:until) + 86400) * 1000, 9223372036854775807)
    GROUP BY m, currency
)
SELECT month,
       currency,
       orders,
       revenue / orders AS average_revenue,
       round(1.0 * units_sold / orders, 2) AS average_units,
       round(1.0 * purchases / orders, 2) AS average_lines
FROM sums
ORDER BY month, currency;
