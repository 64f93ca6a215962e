-- DuckDB on the live database of analytics, read only, and out to Parquet. The views
-- use SQLite's functions, so SQLite itself has to answer: sqlite_query passes the SQL on.
LOAD sqlite;
ATTACH 'analytics.db' AS live (TYPE sqlite, READ_ONLY);
SELECT * FROM sqlite_query('live', 'SELECT day, currency, purchases, net FROM daily_sales ORDER BY day DESC LIMIT 10');
COPY (SELECT * REPLACE (CAST(quantity AS BIGINT) AS quantity, CAST(amount_micros AS BIGINT) AS amount_micros)
      FROM sqlite_query('live', 'SELECT * FROM event_log')) TO 'events.parquet' (FORMAT parquet);
SELECT count(*) AS events, sum(amount_micros) AS amount_micros FROM 'events.parquet';
