-- title: Returns
-- description: The items that came back most, one row for each item and
--   currency, with the share of the units sold in the same days that came back.
-- param by: choice(units, refunds) = units | What to rank by.
-- param limit: integer(1..10000) = 10 | How many rows.
-- param since: date | First day, UTC.
-- param until: date | Last day, UTC, inclusive.
-- column item: text | The item, as the events name it.
-- column item_name: text | What people call it, by its latest event.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column units_returned: integer | Pieces.
-- column refunds: money | Price times quantity of the returns, in the row's currency.
-- column returns: integer | Events.
-- column units_sold: integer | Pieces.
-- column return_rate: percent | Units returned per hundred sold; none when none was sold.
-- example: --by refunds --limit 5

WITH least AS ( -- of what is to be shown: other items need not be looked up
    SELECT CASE :by WHEN 'units' THEN units_returned ELSE refunds END AS value
    FROM item_totals
    WHERE :since IS NULL AND :until IS NULL AND returns > 0
    ORDER BY value DESC
    LIMIT 1 OFFSET :limit - 1
), sales AS (
    SELECT item_id, currency, units_returned, refunds, returns, units_sold
    FROM item_totals
    WHERE :since IS NULL AND :until IS NULL
      AND CASE :by WHEN 'units' THEN units_returned ELSE refunds END >= ifnull((SELECT value FROM least), 0)
    UNION ALL
    SELECT item_id, currency, sum(units_returned), sum(refunds), sum(returns), sum(units_sold)
    FROM item_daily
    WHERE (:since IS NOT NULL OR :until IS NOT NULL)
      AND day >= ifnull(unixepoch(:since) / 86400, 0)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    GROUP BY item_id, currency
)
SELECT item, item_name, currency, units_returned, refunds, returns, units_sold,
       round(100.0 * units_returned / nullif(units_sold, 0), 2) AS return_rate
FROM sales
JOIN items USING (item_id)
WHERE returns > 0
ORDER BY CASE :by WHEN 'units' THEN units_returned ELSE refunds END DESC, item, currency
LIMIT :limit;
