-- title: New and returning users
-- description: How many users bought in each month, UTC, and for how many of
--   them it was the first month, the earliest month first.
-- column month: time | UTC.
-- column users: integer | That bought in the month.
-- column new_users: integer | Whose first purchase of all was in the month.
-- column returning_users: integer | The others.
-- column returning_share: percent | Of the month's users.
-- bars: users

SELECT printf('%04d-%02d', 1970 + month / 12, month % 12 + 1) AS month,
       sum(users) AS users,
       ifnull(sum(users) FILTER (WHERE first_month = cohorts.month), 0) AS new_users,
       ifnull(sum(users) FILTER (WHERE first_month < cohorts.month), 0) AS returning_users,
       round(100.0 * ifnull(sum(users) FILTER (WHERE first_month < cohorts.month), 0) / sum(users), 2) AS returning_share
FROM cohorts
GROUP BY cohorts.month
HAVING sum(users) > 0
ORDER BY cohorts.month;
