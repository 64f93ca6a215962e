-- title: Top items
-- group: items
-- description: The best-selling items, one row for each item and currency. Returns
--   are not deducted; see the query returns. By units, for all currencies and up to
--   --limit 1000 it reads only the first rows of an index; otherwise it sorts all
--   items, and with --since or --until it reads every item of each of those days.
-- param by: choice(units, revenue, purchases) = units | Column to rank by.
-- param limit: integer(1..10000) = 10 | How many rows.
-- param since: date | First day.
-- param until: date | Last day, inclusive.
-- param currency: text | Only this currency, such as EUR.
-- column item: text | The item, as the events name it.
-- column item_name: text | Its name, from its latest event.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column units_sold: integer | Units sold.
-- column revenue: money | Amount of the purchases, in the row's currency.
-- column purchases: integer | Number of purchases.
-- chart: bar units_sold
-- example: --by revenue --limit 5

WITH sales AS (
    SELECT * FROM (
        SELECT item, item_name, currency, units_sold, revenue_micros, purchases
        FROM stats_item
        CROSS JOIN items USING (item_id) -- in this order: along the index, no further than the limit
        WHERE :by = 'units' AND :limit <= 1000 AND :since IS NULL AND :until IS NULL AND :currency IS NULL AND leading
        ORDER BY units_sold DESC, item, currency
        LIMIT :limit
    )
    UNION ALL
    SELECT item, item_name, currency, units_sold, revenue_micros, purchases
    FROM stats_item
    JOIN items USING (item_id)
    WHERE (:by <> 'units' OR :limit > 1000 OR :currency IS NOT NULL) AND :since IS NULL AND :until IS NULL AND purchases > 0
    UNION ALL
    SELECT item, item_name, currency, sum(units_sold), sum(revenue_micros), sum(purchases)
    FROM stats_item_day
    JOIN items USING (item_id)
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND day >= ifnull(unixepoch(:since) / 86400, -9223372036854775808)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    GROUP BY item_id, currency
    HAVING sum(purchases) > 0
)
SELECT item, item_name, currency, units_sold, revenue_micros AS revenue, purchases
FROM sales
WHERE :currency IS NULL OR currency = :currency
ORDER BY CASE :by WHEN 'units' THEN units_sold WHEN 'revenue' THEN revenue_micros ELSE purchases END DESC, item, currency
LIMIT :limit;
