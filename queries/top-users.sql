-- title: Top users
-- group: users
-- description: The best customers, one row for each user and currency. Returns are
--   not deducted. By revenue, for all currencies and up to --limit 1000 it reads only
--   the first rows of an index; otherwise it sorts all users, and with --since or
--   --until it reads every event in the range.
-- param by: choice(revenue, units, purchases) = revenue | Column to rank by.
-- param limit: integer(1..10000) = 10 | How many rows.
-- param since: start | First day, or an instant.
-- param until: end | Last day, inclusive, or an instant, exclusive.
-- param currency: text | Only this currency, such as EUR.
-- column user: text | The user, as the events name it.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column revenue: money | Amount of the purchases, in the row's currency.
-- column units_sold: integer | Units sold.
-- column purchases: integer | Number of purchases.
-- chart: bar revenue
-- example: --by units --limit 5

WITH sales AS (
    SELECT * FROM (
        SELECT user, currency, revenue_micros, units_sold, purchases
        FROM stats_user
        CROSS JOIN users USING (user_id) -- in this order: along the index, no further than the limit
        WHERE :by = 'revenue' AND :limit <= 1000 AND :since IS NULL AND :until IS NULL AND :currency IS NULL AND leading
        ORDER BY revenue_micros DESC, user, currency
        LIMIT :limit
    )
    UNION ALL
    SELECT user, currency, revenue_micros, units_sold, purchases
    FROM stats_user
    JOIN users USING (user_id)
    WHERE (:by <> 'revenue' OR :limit > 1000 OR :currency IS NOT NULL) AND :since IS NULL AND :until IS NULL AND purchases > 0
    UNION ALL
    SELECT user, currency, sum(ifnull(amount_micros, 0)), sum(quantity), count(*)
    FROM events
    JOIN users USING (user_id)
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND occurred_at >= ifnull(:since, -9223372036854775808)
      AND occurred_at < ifnull(:until, 9223372036854775807)
      AND quantity > 0
    GROUP BY user_id, currency
)
SELECT user, currency, revenue_micros AS revenue, units_sold, purchases
FROM sales
WHERE :currency IS NULL OR currency = :currency
ORDER BY CASE :by WHEN 'revenue' THEN revenue_micros WHEN 'units' THEN units_sold ELSE purchases END DESC, user, currency
LIMIT :limit;
