-- title: Sales by attribute
-- group: sales
-- description: Sales by the value of an attribute, such as the country, one row for
--   each value and currency, the best-selling first. Events without the attribute
--   are not included.
-- param attribute: text = country | The attribute.
-- param by: choice(revenue, units, purchases) = revenue | Column to rank by.
-- param limit: integer(1..10000) = 50 | How many rows.
-- param since: date | First day.
-- param until: date | Last day, inclusive.
-- param currency: text | Only this currency, such as EUR.
-- column value: text | Value of the attribute.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column revenue: money | Amount of the purchases, in the row's currency.
-- column refunds: money | Amount of the returns, in the row's currency.
-- column units_sold: integer | Units sold.
-- column units_returned: integer | Units returned.
-- column purchases: integer | Number of purchases.
-- column returns: integer | Number of returns.
-- chart: bar revenue
-- optional: returns, units_returned
-- example: --attribute country --limit 5

WITH sales AS (
    SELECT value, currency, revenue_micros, refunds_micros, units_sold, units_returned, purchases, returns
    FROM attributes
    JOIN stats_attribute USING (attribute_id)
    WHERE attribute = :attribute AND :since IS NULL AND :until IS NULL
    UNION ALL
    SELECT value, currency, sum(revenue_micros), sum(refunds_micros), sum(units_sold), sum(units_returned), sum(purchases), sum(returns)
    FROM stats_attribute_day
    CROSS JOIN attributes USING (attribute_id) -- in this order: the days are read once, not once for each value
    WHERE attribute = :attribute AND (:since IS NOT NULL OR :until IS NOT NULL)
      AND day >= ifnull(unixepoch(:since) / 86400, -9223372036854775808)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    GROUP BY value, currency
)
SELECT value, currency, revenue_micros AS revenue, refunds_micros AS refunds, units_sold, units_returned, purchases, returns
FROM sales
WHERE :currency IS NULL OR currency = :currency
ORDER BY CASE :by WHEN 'revenue' THEN revenue_micros WHEN 'units' THEN units_sold ELSE purchases END DESC, value, currency
LIMIT :limit;
