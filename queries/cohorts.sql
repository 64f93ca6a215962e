-- title: Cohorts
-- description: Of the users who first bought in one month, how many bought in each
--   month after it, UTC.
-- column first_month: time | In which these users bought first.
-- column months_later: integer | 0 is the first month itself.
-- column users: integer | That bought then.
-- column share: percent | Of all whose first month it was.
-- bars: share

SELECT printf('%04d-%02d', 1970 + c.first_month / 12, c.first_month % 12 + 1) AS first_month,
       c.month - c.first_month AS months_later,
       c.users,
       round(100.0 * c.users / f.users, 2) AS share
FROM cohorts c
JOIN cohorts f ON f.first_month = c.first_month AND f.month = c.first_month
WHERE c.users > 0
ORDER BY c.first_month, c.month;
