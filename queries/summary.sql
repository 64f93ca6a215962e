-- title: Summary
-- description: Everything in the database, one row for each currency. The last
--   two columns are of the whole database and the same in every row.
-- column currency: text | ISO 4217, empty when the events gave none.
-- column events: integer | Purchases and returns.
-- column purchases: integer | Events.
-- column returns: integer | Events.
-- column units_sold: integer | Pieces.
-- column units_returned: integer | Pieces.
-- column revenue: money | Price times quantity of the purchases, in the row's currency.
-- column refunds: money | The same of the returns.
-- column net: money | Revenue less refunds.
-- column users: integer | Users with an event in this currency.
-- column items: integer | Items with an event in this currency.
-- column orders: integer | Orders in this currency.
-- column rejected: integer | Dead letters, of the whole database.
-- column duplicates: integer | Records whose event was there already, of the whole database.

WITH whole AS (
    SELECT (SELECT ifnull(sum(records), 0) FROM rejected_totals) AS rejected,
           (SELECT ifnull(sum(duplicates), 0) FROM partitions) AS duplicates
)
SELECT currency,
       ifnull(purchases + returns, 0) AS events,
       ifnull(purchases, 0) AS purchases,
       ifnull(returns, 0) AS returns,
       ifnull(units_sold, 0) AS units_sold,
       ifnull(units_returned, 0) AS units_returned,
       ifnull(revenue, 0) AS revenue,
       ifnull(refunds, 0) AS refunds,
       ifnull(revenue - refunds, 0) AS net,
       ifnull(users, 0) AS users,
       ifnull(items, 0) AS items,
       ifnull(orders, 0) AS orders,
       rejected,
       duplicates
FROM whole
LEFT JOIN totals -- so that dead letters show where nothing was accepted
WHERE currency IS NOT NULL OR rejected > 0
ORDER BY currency;
