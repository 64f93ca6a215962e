-- title: Cohorts
-- group: users
-- description: Users by the month of their first purchase, and how many of them
--   bought again in each month after it.
-- column first_month: time | Month of the first purchase, on the calendar of the reporting zone.
-- column months_later: integer | Months after the first; 0 is the first month itself.
-- column users: integer | Users of the cohort that bought in that month.
-- column share: percent | Share of the whole cohort.
-- bars: share
-- chart: cohort share

SELECT printf('%04d-%02d', 1970 + c.first_month / 12, c.first_month % 12 + 1) AS first_month,
       c.month - c.first_month AS months_later,
       c.users,
       round(100.0 * c.users / f.users, 2) AS share
FROM stats_cohort c
JOIN stats_cohort f ON f.first_month = c.first_month AND f.month = c.first_month
WHERE c.users > 0
ORDER BY c.first_month, c.month;
