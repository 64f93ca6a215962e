-- title: Bought together
-- group: items
-- description: Items bought in the same orders as one item, the most frequent
--   first. Without --item it reads the latest 1,000 events and takes the item bought
--   most often in them. It reads orders back from the latest until it has found enough with the
--   item, which for a rarely bought item may be all of them.
-- param item: text | The item, as the events name it.
-- param orders: integer(1..10000) = 100 | How many of the latest orders with the item to look at.
-- param limit: integer(1..10000) = 10 | How many rows.
-- column with_item: text | The item that all these orders contain.
-- column item: text | The item bought with it.
-- column item_name: text | Its name, from its latest event.
-- column orders: integer | Orders containing both.
-- column share: percent | Orders containing both, of the orders looked at.
-- bars: orders
-- chart: bar orders
-- example: --orders 500 --limit 5

WITH recent AS MATERIALIZED (
    SELECT item_id, order_id, quantity FROM events
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
    SELECT order_id FROM order_items
    WHERE item_id = (SELECT item_id FROM chosen)
    ORDER BY order_id DESC
    LIMIT :orders
)
SELECT chosen.item AS with_item, items.item, items.item_name,
       count(*) AS orders,
       round(100.0 * count(*) / (SELECT count(*) FROM looked_at), 2) AS share
FROM looked_at
CROSS JOIN order_items USING (order_id)
JOIN items USING (item_id)
JOIN chosen ON chosen.item_id <> items.item_id
GROUP BY items.item_id
ORDER BY orders DESC, items.item
LIMIT :limit;
