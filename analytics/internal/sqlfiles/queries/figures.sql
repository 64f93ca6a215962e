-- title: Figures
-- group: sales
-- description: The sales of a period, one row for each currency. Whole days of the
--   reporting zone come from the sums by day; with an instant it reads every event
--   of the period.
-- param since: start | First day, or an instant.
-- param until: end | Last day, inclusive, or an instant, exclusive.
-- param currency: text | Only this currency, such as EUR.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column revenue: money | Amount of the purchases, in the row's currency.
-- column refunds: money | Amount of the returns, in the row's currency.
-- column net: money | Revenue less refunds.
-- column units_sold: integer | Units sold.
-- column purchases: integer | Number of purchases.
-- column returns: integer | Number of returns.
-- column orders: integer | Number of orders.
-- column average_order: money | Revenue of an order, rounded down to a millionth.
-- chart: number
-- optional: returns, purchases, average_order
-- example: --since 2011-11-01 --until 2011-11-30

WITH chosen AS MATERIALIZED (
    SELECT (:since IS NULL OR :since_day IS NOT NULL) AND (:until IS NULL OR :until_day IS NOT NULL) AS by_day
), sales AS (
    SELECT currency, sum(revenue_micros) AS revenue, sum(refunds_micros) AS refunds, sum(units_sold) AS units_sold,
           sum(purchases) AS purchases, sum(returns) AS returns, sum(orders) AS orders, sum(order_revenue_micros) AS order_revenue
    FROM chosen
    CROSS JOIN stats_day
    WHERE by_day
      AND day >= ifnull(:since_day, -9223372036854775808)
      AND day <= ifnull(:until_day, 9223372036854775807)
    GROUP BY currency
    UNION ALL
    SELECT currency,
           ifnull(sum(amount_micros) FILTER (WHERE quantity > 0), 0),
           ifnull(sum(-amount_micros) FILTER (WHERE quantity < 0), 0),
           ifnull(sum(quantity) FILTER (WHERE quantity > 0), 0),
           count(*) FILTER (WHERE quantity > 0),
           count(*) FILTER (WHERE quantity < 0),
           count(DISTINCT order_id) FILTER (WHERE quantity > 0),
           ifnull(sum(amount_micros) FILTER (WHERE quantity > 0 AND order_id IS NOT NULL), 0)
    FROM chosen
    CROSS JOIN events
    WHERE NOT by_day
      AND occurred_at >= ifnull(:since, -9223372036854775808)
      AND occurred_at < ifnull(:until, 9223372036854775807)
    GROUP BY currency
)
SELECT currency, revenue, refunds, revenue - refunds AS net, units_sold, purchases, returns, orders,
       order_revenue / nullif(orders, 0) AS average_order
FROM sales
WHERE :currency IS NULL OR currency = :currency
ORDER BY purchases DESC, currency;
