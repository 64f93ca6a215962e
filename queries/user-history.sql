-- title: User history
-- description: The latest purchases and returns of one user, the latest first.
--   Without --user it is the user of the latest event, looked for in the latest
--   5,000 events. With --user it reads events back from the latest until it has
--   found enough, which for a user who has not come for long may be all of them.
-- param user: text | The user, as the events name it.
-- param limit: integer(1..10000) = 20 | How many rows.
-- param until: date | Last day, UTC, inclusive.
-- column occurred_at: time | UTC.
-- column user: text | The user, as the events name it.
-- column kind: text | purchase or return.
-- column item: text | The item, as the events name it.
-- column item_name: text | What people call it, by its latest event.
-- column quantity: integer | Pieces, negative for a return.
-- column unit_price: money | Of one piece; none when unknown.
-- column amount: money | Price times quantity, negative for a return.
-- column currency: text | ISO 4217, empty when the event gave none.
-- column order_number: text | The event's order; none when it gave none.
-- example: --limit 5

WITH past AS (
    SELECT ifnull((unixepoch(:until) + 86400) * 1000, 9223372036854775807) AS at
), chosen AS (
    SELECT user_id, user FROM users
    WHERE user = :user
       OR user_id = (SELECT user_id FROM events
                     WHERE :user IS NULL AND occurred_at < (SELECT at FROM past)
                     ORDER BY occurred_at DESC, event_id DESC LIMIT 1)
    LIMIT 1
), first AS (
    SELECT ifnull((SELECT occurred_at FROM events
                   WHERE :user IS NULL AND occurred_at < (SELECT at FROM past)
                   ORDER BY occurred_at DESC LIMIT 1 OFFSET 5000), 0) AS at
), known AS ( -- when all of the user's events are found, looking on is of no use
    SELECT iif(:until IS NULL, sum(purchases + returns), 9223372036854775807) AS events
    FROM user_totals
    WHERE user_id = (SELECT user_id FROM chosen)
)
SELECT strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) AS occurred_at,
       (SELECT user FROM chosen) AS user,
       iif(e.quantity > 0, 'purchase', 'return') AS kind,
       i.item,
       i.item_name,
       e.quantity,
       e.unit_price,
       e.quantity * e.unit_price AS amount,
       e.currency,
       o.order_number
FROM events e
JOIN items i ON i.item_id = e.item_id
LEFT JOIN orders o ON o.order_id = e.order_id
WHERE e.user_id = (SELECT user_id FROM chosen)
  AND e.occurred_at >= (SELECT at FROM first)
  AND e.occurred_at < (SELECT at FROM past)
ORDER BY e.occurred_at DESC, e.event_id DESC
LIMIT min(:limit, ifnull((SELECT events FROM known), 0));
