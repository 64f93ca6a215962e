-- title: Bought together
-- description: What else is in the latest orders that an item was bought in, the
--   most frequent first. Without --item it reads the latest 1,000 events and
--   takes the item that was bought most often in them. With --item it reads
--   events back from the latest until it has found enough of the item, which for
--   one that is rarely bought may be all of them.
-- param item: text | The item, as the events name it.
-- param purchases: integer(1..10000) = 100 | How many of the item's latest purchases to look at.
-- param limit: integer(1..10000) = 10 | How many rows.
-- column with_item: text | The item that was looked at.
-- column item: text | Bought in the same order.
-- column item_name: text | What people call it, by its latest event.
-- column orders: integer | That have both.
-- column share: percent | Of the orders that were looked at.
-- bars: orders
-- example: --purchases 500 --limit 5

WITH recent AS MATERIALIZED (
    SELECT occurred_at, item_id, order_id, quantity FROM events
    WHERE :item IS NULL
    ORDER BY occurred_at DESC, event_id DESC
    LIMIT 1000
), chosen AS MATERIALIZED (
    SELECT item_id, item FROM items
    WHERE item = :item
       OR item_id = (SELECT item_id FROM recent WHERE quantity > 0 AND order_id IS NOT NULL
                     GROUP BY item_id ORDER BY count(*) DESC, item_id LIMIT 1)
    LIMIT 1
), looked_at AS MATERIALIZED (
    SELECT DISTINCT order_id FROM (
        SELECT order_id FROM events
        WHERE item_id = (SELECT item_id FROM chosen) AND quantity > 0 AND +order_id IS NOT NULL
          AND occurred_at >= ifnull((SELECT min(occurred_at) FROM recent), 0)
        ORDER BY occurred_at DESC, event_id DESC
        LIMIT :purchases
    )
)
SELECT chosen.item AS with_item, items.item, items.item_name,
       count(*) AS orders,
       round(100.0 * count(*) / (SELECT count(*) FROM looked_at), 2) AS share
FROM looked_at
CROSS JOIN orders USING (order_id)
CROSS JOIN json_each('[' || orders.items || ']') bought -- has each item once
JOIN items ON items.item_id = bought.value
JOIN chosen ON chosen.item_id <> items.item_id
GROUP BY items.item_id
ORDER BY orders DESC, items.item
LIMIT :limit;
