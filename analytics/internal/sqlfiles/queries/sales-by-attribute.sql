-- title: Sales by attribute
-- description: Sales by the value of an attribute, such as the country, one row
--   for each value and currency, the best-selling first. Events without the
--   attribute are not among them.
-- param attribute: text = country | The attribute.
-- param by: choice(revenue, units, purchases) = revenue | What to rank by.
-- param limit: integer(1..10000) = 50 | How many rows.
-- param since: date | First day, UTC.
-- param until: date | Last day, UTC, inclusive.
-- column value: text | Of the attribute.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column revenue: money | Price times quantity of the purchases, in the row's currency.
-- column refunds: money | The same of the returns.
-- column units_sold: integer | Pieces.
-- column units_returned: integer | Pieces.
-- column purchases: integer | Events.
-- column returns: integer | Events.
-- example: --attribute country --limit 5

WITH sales AS (
    SELECT value, currency, revenue, refunds, units_sold, units_returned, purchases, returns
    FROM attributes
    JOIN attribute_totals USING (attribute_id)
    WHERE attribute = :attribute AND :since IS NULL AND :until IS NULL
    UNION ALL
    SELECT value, currency, sum(revenue), sum(refunds), sum(units_sold), sum(units_returned), sum(purchases), sum(returns)
    FROM attribute_daily
    CROSS JOIN attributes USING (attribute_id) -- in this order: the days are read once, not once for each value
    WHERE attribute = :attribute AND (:since IS NOT NULL OR :until IS NOT NULL)
      AND day >= ifnull(unixepoch(:since) / 86400, 0)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    GROUP BY value, currency
)
SELECT value, currency, revenue, refunds, units_sold, units_returned, purchases, returns
FROM sales
ORDER BY CASE :by WHEN 'revenue' THEN revenue WHEN 'units' THEN units_sold ELSE purchases END DESC, value, currency
LIMIT :limit;
