-- title: Item trend
-- description: The sales of one item on each of its latest days, the latest
--   first, one row for each currency. Without --item it is the item that was
--   bought most often of all.
-- param item: text | The item, as the events name it.
-- param days: integer(1..10000) = 30 | How many days, back from --until or the latest day of all.
-- param until: date | Last day, UTC, inclusive.
-- column day: time | UTC.
-- column item: text | The item, as the events name it.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column units_sold: integer | Pieces.
-- column units_returned: integer | Pieces.
-- column revenue: money | Price times quantity of the purchases, in the row's currency.
-- column refunds: money | The same of the returns.
-- column purchases: integer | Events.
-- column returns: integer | Events.
-- bars: units_sold
-- example: --days 7

WITH RECURSIVE chosen AS (
    SELECT item_id, item FROM items
    WHERE item = :item
       OR item_id = (SELECT item_id FROM item_totals NOT INDEXED WHERE :item IS NULL AND purchases > 0
                     ORDER BY purchases DESC, item_id LIMIT 1)
    LIMIT 1
), latest AS (
    SELECT ifnull(unixepoch(:until) / 86400, (SELECT max(day) FROM sales_daily)) AS day
), days(day) AS (
    SELECT day FROM latest WHERE day IS NOT NULL
    UNION ALL
    SELECT days.day - 1 FROM days, latest WHERE days.day > latest.day - :days + 1
)
SELECT date(day * 86400, 'unixepoch') AS day, item, currency, units_sold, units_returned, revenue, refunds, purchases, returns
FROM chosen
CROSS JOIN days -- in this order: one look-up for each day
CROSS JOIN item_daily USING (day, item_id)
ORDER BY day DESC, currency;
