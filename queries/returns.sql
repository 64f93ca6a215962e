-- title: Returns
-- group: items
-- description: The most returned items, one row for each item and currency, with
--   their return rate in the same days.
-- param by: choice(units, refunds) = units | Column to rank by.
-- param limit: integer(1..10000) = 10 | How many rows.
-- param since: date | First day.
-- param until: date | Last day, inclusive.
-- param currency: text | Only this currency, such as EUR.
-- column item: text | The item, as the events name it.
-- column item_name: text | Its name, from its latest event.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column units_returned: integer | Units returned.
-- column refunds: money | Amount of the returns, in the row's currency.
-- column returns: integer | Number of returns.
-- column units_sold: integer | Units sold.
-- column return_rate: percent | Units returned for every hundred sold; none if none was sold.
-- chart: bar units_returned
-- optional: returns, units_sold
-- example: --by refunds --limit 5

WITH least AS ( -- of the rows to be shown: other items need not be looked up
    SELECT CASE :by WHEN 'units' THEN units_returned ELSE refunds_micros END AS value
    FROM stats_item
    WHERE :since IS NULL AND :until IS NULL AND returns > 0 AND (:currency IS NULL OR currency = :currency)
    ORDER BY value DESC
    LIMIT 1 OFFSET :limit - 1
), sales AS (
    SELECT item_id, currency, units_returned, refunds_micros, returns, units_sold
    FROM stats_item
    WHERE :since IS NULL AND :until IS NULL AND (:currency IS NULL OR currency = :currency)
      AND CASE :by WHEN 'units' THEN units_returned ELSE refunds_micros END >= ifnull((SELECT value FROM least), 0)
    UNION ALL
    SELECT item_id, currency, sum(units_returned), sum(refunds_micros), sum(returns), sum(units_sold)
    FROM stats_item_day
    WHERE (:since IS NOT NULL OR :until IS NOT NULL) AND (:currency IS NULL OR currency = :currency)
      AND day >= ifnull(unixepoch(:since) / 86400, -9223372036854775808)
      AND day <= ifnull(unixepoch(:until) / 86400, 9223372036854775807)
    GROUP BY item_id, currency
)
SELECT item, item_name, currency, units_returned, refunds_micros AS refunds, returns, units_sold,
       round(100.0 * units_returned / nullif(units_sold, 0), 2) AS return_rate
FROM sales
JOIN items USING (item_id)
WHERE returns > 0
ORDER BY CASE :by WHEN 'units' THEN units_returned ELSE refunds_micros END DESC, item, currency
LIMIT :limit;
