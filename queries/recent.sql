-- title: Recent events
-- description: The latest purchases and returns by the time at which they
--   happened, the latest first. It reads as many events as it shows.
-- param limit: integer(1..10000) = 20 | How many rows.
-- param until: date | Last day, UTC, inclusive.
-- column occurred_at: time | UTC.
-- column kind: text | purchase or return.
-- column user: text | The user, as the events name it.
-- column item: text | The item, as the events name it.
-- column item_name: text | What people call it, by its latest event.
-- column quantity: integer | Pieces, negative for a return.
-- column unit_price: money | Of one piece; none when unknown.
-- column amount: money | Price times quantity, negative for a return.
-- column currency: text | ISO 4217, empty when the event gave none.
-- column order_number: text | The event's order; none when it gave none.
-- example: --limit 5

SELECT strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) AS occurred_at,
       iif(e.quantity > 0, 'purchase', 'return') AS kind,
       u.user,
       i.item,
       i.item_name,
       e.quantity,
       e.unit_price,
       e.quantity * e.unit_price AS amount,
       e.currency,
       o.order_number
FROM events e
JOIN users u ON u.user_id = e.user_id
JOIN items i ON i.item_id = e.item_id
LEFT JOIN orders o ON o.order_id = e.order_id
WHERE e.occurred_at < ifnull((unixepoch(:until) + 86400) * 1000, 9223372036854775807)
ORDER BY e.occurred_at DESC, e.event_id DESC
LIMIT :limit;
