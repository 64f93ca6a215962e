-- title: Top items
-- description: The items that sold most, one row for each item and currency.
--   Returns are not taken off; see the query "returns". By units and
--   up to --limit 1000 it reads only the first rows of an index; otherwise it
--   sorts all items, and with --since or --until it reads every item of each of
--   those days.
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
    SELECT * FROM (
        SELECT item, item_name, currency, units_sold, revenue, purchases
        FROM item_totals
        CROSS JOIN items USING (item_id) -- in this order: along the index, no further than the limit
        WHERE :by = 'units' AND :limit <= 1000 AND :since IS NULL AND :until IS NULL AND leading
        ORDER BY units_sold DESC, item, currency
        LIMIT :limit
    )
    UNION ALL
    SELECT item, item_name, currency, units_sold, revenue, purchases
    FROM item_totals
    JOIN items USING (item_id)
    WHERE (:by <> 'units' OR :limit > 1000) AND :since IS NULL AND :until IS NULL AND purchases > 0
    UNION ALL
    SELECT item, item_name, currency, sum(units_sold), sum(revenue), sum(purchases)
    FROM item_daily
    JOIN items USING (item_id)
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND day >= ifnull(unixepoch(:since) / 86400, 0)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    GROUP BY item_id, currency
    HAVING sum(purchases) > 0
)
SELECT item, item_name, currency, units_sold, revenue, purchases
FROM sales
ORDER BY CASE :by WHEN 'units' THEN units_sold WHEN 'revenue' THEN revenue ELSE purchases END DESC, item, currency
LIMIT :limit;
