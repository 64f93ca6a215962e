-- title: New and returning users
-- group: users
-- description: Users that bought in each month, and for how many of them it was
--   the first month, the earliest month first.
-- column month: time | Month on the calendar of the reporting zone.
-- column users: integer | Users that bought in the month.
-- column new_users: integer | Users whose first purchase was in the month.
-- column returning_users: integer | Users that had bought in an earlier month.
-- column returning_share: percent | Returning users, of all users of the month.
-- bars: users
-- chart: bar users

SELECT printf('%04d-%02d', 1970 + month / 12, month % 12 + 1) AS month,
       sum(users) AS users,
       ifnull(sum(users) FILTER (WHERE first_month = stats_cohort.month), 0) AS new_users,
       ifnull(sum(users) FILTER (WHERE first_month < stats_cohort.month), 0) AS returning_users,
       round(100.0 * ifnull(sum(users) FILTER (WHERE first_month < stats_cohort.month), 0) / sum(users), 2) AS returning_share
FROM stats_cohort
GROUP BY stats_cohort.month
HAVING sum(users) > 0
ORDER BY stats_cohort.month;
