-- title: Database
-- group: pipeline
-- description: What the database holds, in one row.
-- column zone: text | Reporting zone, by which days, weeks and months are counted.
-- column database_id: text | Random, made with the database.
-- column first_day: time | Day of the earliest event, in the reporting zone.
-- column last_day: time | Day of the latest event, in the reporting zone.
-- column last_event: time | Time of the latest event, UTC.
-- column currencies: text | ISO 4217 codes with commas between, the most frequent first.
-- chart: number

SELECT zone, database_id,
       (SELECT date(min(day) * 86400, 'unixepoch') FROM stats_day) AS first_day,
       (SELECT date(max(day) * 86400, 'unixepoch') FROM stats_day) AS last_day,
       (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', max(latest_event_at) / 1000, 'unixepoch') FROM internal_partitions) AS last_event,
       (SELECT group_concat(currency, ',') FROM (SELECT currency FROM stats_total WHERE purchases + returns > 0 ORDER BY purchases DESC, currency)) AS currencies
FROM internal_database;
