-- title: Summary
-- group: sales
-- description: Totals of all time, one row for each currency.
-- param currency: text | Only this currency, such as EUR.
-- column currency: text | ISO 4217 code; empty if the events gave none.
-- column events: integer | Purchases and returns.
-- column purchases: integer | Number of purchases.
-- column returns: integer | Number of returns.
-- column units_sold: integer | Units sold.
-- column units_returned: integer | Units returned.
-- column revenue: money | Amount of the purchases, in the row's currency.
-- column refunds: money | Amount of the returns, in the row's currency.
-- column net: money | Revenue less refunds.
-- column users: integer | Users with an event in this currency.
-- column items: integer | Items with an event in this currency.
-- column orders: integer | Number of orders.
-- chart: number
-- optional: events, returns, units_returned, items, users, units_sold
-- example: --currency GBP

SELECT currency,
       purchases + returns AS events,
       purchases,
       returns,
       units_sold,
       units_returned,
       revenue_micros AS revenue,
       refunds_micros AS refunds,
       revenue_micros - refunds_micros AS net,
       users,
       items,
       orders
FROM stats_total
WHERE :currency IS NULL OR currency = :currency
ORDER BY currency;
