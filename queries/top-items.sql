-- title: Top items
-- description: The items that sold most, one row for each item and currency.
--   Returns are not taken off; see the query "returns".
-- param by: choice(units, revenue, purchases) = units | What to rank by.
-- param limit: integer(1..10000) = 10 | How many rows.
-- param since: date | First day, UTC.
-- param until: date | Last day, UTC, inclusive.
-- column item: text | The item, as the events name it.
-- column item_name: text | What people call it, by its latest event.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column units_sold: integer | Pieces.
-- column revenue: money | Price times quantity of the purchases, in the row's currency.
-- column purchases: integer | Events.
-- example: --by revenue --limit 5

WITH sales AS (
    SELECT item_id, currency, units_sold, revenue, purchases
    FROM item_totals
    WHERE :since IS NULL AND :until IS NULL
    UNION ALL
    SELECT item_id, currency, sum(units_sold), sum(revenue), sum(purchases)
    FROM item_daily
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND day >= ifnull(unixepoch(:since) / 86400, 0)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    GROUP BY item_id, currency
)
SELECT item, item_name, currency, units_sold, revenue, purchases
FROM sales
JOIN items USING (item_id)
WHERE purchases > 0
ORDER BY CASE :by WHEN 'units' THEN units_sold WHEN 'revenue' THEN revenue ELSE purchases END DESC, item, currency
LIMIT :limit;
