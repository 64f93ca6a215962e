-- title: Recent events
-- group: sales
-- description: The latest purchases and returns by the time at which they happened,
--   the latest first. It reads as many events as it shows.
-- param limit: integer(1..10000) = 20 | How many rows.
-- param until: end | Last day, inclusive, or an instant, exclusive.
-- param currency: text | Only this currency, such as EUR; it then reads back until it has found enough.
-- column occurred_at: time | Time of the event, UTC.
-- column kind: text | purchase or return.
-- column user: text | The user, as the events name it.
-- column item: text | The item, as the events name it.
-- column item_name: text | Its name, from its latest event.
-- column quantity: integer | Units; negative for a return.
-- column unit_price: money | Amount divided by quantity, rounded down to a millionth; none if unknown.
-- column amount: money | Total of the line; negative for a return, none if unknown.
-- column currency: text | ISO 4217 code; empty if the event gave none.
-- column order_number: text | Order number; none if the event gave none.
-- chart: none
-- optional: unit_price, kind, order_number, item
-- example: --limit 5

SELECT strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) AS occurred_at,
       iif(e.quantity > 0, 'purchase', 'return') AS kind,
       u.user,
       i.item,
       i.item_name,
       e.quantity,
       e.amount_micros / e.quantity AS unit_price,
       e.amount_micros AS amount,
       e.currency,
       o.order_number
FROM events e
JOIN users u ON u.user_id = e.user_id
JOIN items i ON i.item_id = e.item_id
LEFT JOIN orders o ON o.order_id = e.order_id
WHERE e.occurred_at < ifnull(:until, 9223372036854775807)
  AND (:currency IS NULL OR e.currency = :currency)
ORDER BY e.occurred_at DESC, e.event_id DESC
LIMIT :limit;
