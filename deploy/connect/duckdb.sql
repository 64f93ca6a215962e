-- DuckDB on data/analytics.db, also while `analytics run` writes it. Before: INSTALL sqlite; LOAD sqlite;
-- sqlite_scan gives the columns of a view their types; ATTACH makes all of them texts.
COPY (SELECT * FROM sqlite_scan('data/analytics.db', 'event_log')) TO 'sales.parquet' (FORMAT parquet);

SELECT currency,
       count(*) FILTER (kind = 'purchase')                        AS purchases,
       count(*) FILTER (kind = 'return')                          AS returns,
       coalesce(sum(quantity) FILTER (quantity > 0), 0)           AS units_sold,
       -coalesce(sum(quantity) FILTER (quantity < 0), 0)          AS units_returned,
       coalesce(sum(amount_micros) FILTER (amount_micros > 0), 0) AS revenue_micros,
       -coalesce(sum(amount_micros) FILTER (amount_micros < 0), 0) AS refunds_micros,
       count(DISTINCT "user")                                     AS users,
       count(DISTINCT item)                                       AS items
FROM 'sales.parquet'
GROUP BY currency
ORDER BY currency;
