-- title: Customers of a period
-- group: users
-- description: Users that bought in a period, and how many of them had bought before
--   it. It reads every event of the period and of the month in which that begins; of
--   all time it reads the months in which each user bought.
-- param since: start | First day, or an instant.
-- param until: end | Last day, inclusive, or an instant, exclusive.
-- column users: integer | Users that bought in the period.
-- column returning_users: integer | Users that had bought before it; without --since, users that bought in several months.
-- column new_users: integer | The other users.
-- column returning_share: percent | Returning users, of all users of the period.
-- chart: number
-- example: --since 2011-11-01 --until 2011-11-30

WITH buyers AS MATERIALIZED (
    SELECT user_id FROM stats_user_month WHERE :since IS NULL AND :until IS NULL
    UNION
    SELECT user_id FROM events
    WHERE (:since IS NOT NULL OR :until IS NOT NULL) AND quantity > 0
      AND occurred_at >= ifnull(:since, -9223372036854775808)
      AND occurred_at < ifnull(:until, 9223372036854775807)
), start AS (
    SELECT unixepoch(:since / 1000, 'unixepoch', '-1 day', 'start of month', '-1 day') * 1000 AS at, -- before the month begins in any zone
           (strftime('%Y', :since / 1000, 'unixepoch', '-1 day') - 1970) * 12 + strftime('%m', :since / 1000, 'unixepoch', '-1 day') - 1 AS month
), before AS MATERIALIZED (
    SELECT DISTINCT user_id FROM events
    WHERE :since IS NOT NULL AND quantity > 0
      AND occurred_at >= (SELECT at FROM start) AND occurred_at < :since
), counted AS (
    SELECT count(*) AS users,
           ifnull(sum(user_id IN (SELECT user_id FROM before)
               OR :since IS NULL AND (SELECT count(*) FROM stats_user_month m WHERE m.user_id = buyers.user_id) > 1
               OR EXISTS (SELECT 1 FROM stats_user_month m WHERE m.user_id = buyers.user_id AND m.month < (SELECT month FROM start))), 0) AS bought_before
    FROM buyers
)
SELECT users, bought_before AS returning_users, users - bought_before AS new_users,
       round(100.0 * bought_before / nullif(users, 0), 2) AS returning_share
FROM counted;
