-- title: Top users
-- description: The users that bought most, one row for each user and currency.
--   Returns are not taken off. With --since or --until it reads every event of
--   those days; without, its time does not grow with the number of events.
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
    SELECT user_id, currency, revenue, units_sold, purchases
    FROM user_totals
    WHERE :since IS NULL AND :until IS NULL
    UNION ALL
    SELECT user_id, currency, sum(quantity * ifnull(unit_price, 0)), sum(quantity), count(*)
    FROM events
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND occurred_at >= ifnull(unixepoch(:since) * 1000, 0)
      AND occurred_at < ifnull((unixepoch(:until) + 86400) * 1000, 9223372036854775807)
      AND quantity > 0
    GROUP BY user_id, currency
)
SELECT user, currency, revenue, units_sold, purchases
FROM sales
JOIN users USING (user_id)
WHERE purchases > 0
ORDER BY CASE :by WHEN 'revenue' THEN revenue WHEN 'units' THEN units_sold ELSE purchases END DESC, user, currency
LIMIT :limit;
