-- title: Item trend
-- group: items
-- description: Daily sales of one item, the latest day first, one row for each
--   currency. Without --item it takes the item bought most often.
-- param item: text | The item, as the events name it.
-- param days: integer(1..10000) = 30 | How many days, back from --until or the latest day with an event.
-- param until: date | Last day, inclusive.
-- param currency: text | Only this currency, such as EUR.
-- column day: time | Day on the calendar of the reporting zone.
-- column item: text | The item, as the events name it.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column units_sold: integer | Units sold.
-- column units_returned: integer | Units returned.
-- column revenue: money | Amount of the purchases, in the row's currency.
-- column refunds: money | Amount of the returns, in the row's currency.
-- column purchases: integer | Number of purchases.
-- column returns: integer | Number of returns.
-- bars: units_sold
-- chart: line units_sold
-- optional: returns, units_returned
-- example: --days 7

WITH RECURSIVE chosen AS (
    SELECT item_id, item FROM items
    WHERE item = :item
       OR item_id = (SELECT item_id FROM stats_item NOT INDEXED WHERE :item IS NULL AND purchases > 0
                     ORDER BY purchases DESC, item_id LIMIT 1)
    LIMIT 1
), latest AS (
    SELECT ifnull(unixepoch(:until) / 86400, (SELECT max(day) FROM stats_day)) AS day
), days(day) AS (
    SELECT day FROM latest WHERE day IS NOT NULL
    UNION ALL
    SELECT days.day - 1 FROM days, latest WHERE days.day > latest.day - :days + 1
)
SELECT date(day * 86400, 'unixepoch') AS day, item, currency, units_sold, units_returned,
       revenue_micros AS revenue, refunds_micros AS refunds, purchases, returns
FROM chosen
CROSS JOIN days -- in this order: one look-up for each day
CROSS JOIN stats_item_day USING (day, item_id)
WHERE :currency IS NULL OR currency = :currency
ORDER BY day DESC, currency;
