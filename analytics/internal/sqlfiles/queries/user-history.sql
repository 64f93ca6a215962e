-- title: User history
-- group: users
-- description: The latest purchases and returns of one user, the latest first.
--   Without --user it takes the user of the latest event and looks at the latest
--   5,000 events. With --user it reads events back from the latest until it has
--   found enough, which for a user who has not bought for long may be all of them.
-- param user: text | The user, as the events name it.
-- param limit: integer(1..10000) = 20 | How many rows.
-- param until: end | Last day, inclusive, or an instant, exclusive.
-- param currency: text | Only this currency, such as EUR.
-- column occurred_at: time | Time of the event, UTC.
-- column user: text | The user, as the events name it.
-- column kind: text | purchase or return.
-- column item: text | The item, as the events name it.
-- column item_name: text | Its name, from its latest event.
-- column quantity: integer | Units; negative for a return.
-- column unit_price: money | Amount divided by quantity, rounded down to a millionth; none if unknown.
-- column amount: money | Total of the line; negative for a return, none if unknown.
-- column currency: text | ISO 4217 code; empty if the event gave none.
-- column order_number: text | Order number; none if the event gave none.
-- chart: none
-- optional: user, unit_price, kind, order_number, item
-- example: --limit 5

WITH past AS (
    SELECT ifnull(:until, 9223372036854775807) AS at
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
                   ORDER BY occurred_at DESC LIMIT 1 OFFSET 5000), -9223372036854775808) AS at
), known AS ( -- once all of the user's events are found, reading on is of no use
    SELECT iif(:until IS NULL, sum(purchases + returns) - ifnull((
               SELECT sum(purchases + returns) FROM internal_pruned_users
               WHERE user_id = (SELECT user_id FROM chosen) AND (:currency IS NULL OR currency = :currency)), 0), 9223372036854775807) AS events
    FROM stats_user
    WHERE user_id = (SELECT user_id FROM chosen) AND (:currency IS NULL OR currency = :currency)
)
SELECT strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) AS occurred_at,
       (SELECT user FROM chosen) AS user,
       iif(e.quantity > 0, 'purchase', 'return') AS kind,
       i.item,
       i.item_name,
       e.quantity,
       e.amount_micros / e.quantity AS unit_price,
       e.amount_micros AS amount,
       e.currency,
       o.order_number
FROM events e
JOIN items i ON i.item_id = e.item_id
LEFT JOIN orders o ON o.order_id = e.order_id
WHERE e.user_id = (SELECT user_id FROM chosen)
  AND e.occurred_at >= (SELECT at FROM first)
  AND e.occurred_at < (SELECT at FROM past)
  AND (:currency IS NULL OR e.currency = :currency)
ORDER BY e.occurred_at DESC, e.event_id DESC
LIMIT min(:limit, ifnull((SELECT events FROM known), 0));
