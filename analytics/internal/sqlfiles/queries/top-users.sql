-- title: Top users
-- description: The users that bought most, one row for each user and currency.
--   Returns are not taken off. By revenue and up to --limit 1000 it reads only
--   the first rows of an index; otherwise it sorts all users, and with --since
--   or --until it reads every event of those days.
-- param by: choice(revenue, units, purchases) = revenue | What to rank by.
-- param limit: integer(1..10000) = 10 | How many rows.
-- param since: date | First day, UTC.
-- param until: date | Last day, UTC, inclusive.
-- column user: text | The user, as the events name it.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column revenue: money | Price times quantity of the purchases, in the row's currency.
-- column units_sold: integer | Pieces.
-- column purchases: integer | Events.
-- example: --by units --limit 5

WITH sales AS (
    SELECT * FROM (
        SELECT user, currency, revenue, units_sold, purchases
        FROM user_totals
        CROSS JOIN users USING (user_id) -- in this order: along the index, no further than the limit
        WHERE :by = 'revenue' AND :limit <= 1000 AND :since IS NULL AND :until IS NULL AND leading
        ORDER BY revenue DESC, user, currency
        LIMIT :limit
    )
    UNION ALL
    SELECT user, currency, revenue, units_sold, purchases
    FROM user_totals
    JOIN users USING (user_id)
    WHERE (:by <> 'revenue' OR :limit > 1000) AND :since IS NULL AND :until IS NULL AND purchases > 0
    UNION ALL
    SELECT user, currency, sum(quantity * ifnull(unit_price, 0)), sum(quantity), count(*)
    FROM events
    JOIN users USING (user_id)
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND occurred_at >= ifnull(unixepoch(:since) * 1000, 0)
      AND occurred_at < ifnull((unixepoch(:until) + 86400) * 1000, 9223372036854775807)
      AND quantity > 0
    GROUP BY user_id, currency
)
SELECT user, currency, revenue, units_sold, purchases
FROM sales
ORDER BY CASE :by WHEN 'revenue' THEN revenue WHEN 'units' THEN units_sold ELSE purchases END DESC, user, currency
LIMIT :limit;
