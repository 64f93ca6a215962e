-- +goose Up
PRAGMA user_version = 4;

-- The orders in which the queries top-items and top-users show by default. Each
-- such index costs the ingest: the other orders sort all items or users.
CREATE INDEX item_totals_by_units ON item_totals (units_sold DESC) WHERE purchases > 0;
CREATE INDEX user_totals_by_revenue ON user_totals (revenue DESC) WHERE purchases > 0;

-- New orders have the highest numbers: this index grows at its end.
CREATE INDEX events_by_order ON events (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE user_months ( -- in which months each user bought, UTC
    user_id INTEGER NOT NULL REFERENCES users,
    month   INTEGER NOT NULL, -- months since January 1970
    PRIMARY KEY (user_id, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE cohorts ( -- how many of the users who first bought in one month bought in another
    first_month INTEGER NOT NULL, -- months since January 1970
    month       INTEGER NOT NULL, -- the same; never before first_month
    users       INTEGER NOT NULL,
    PRIMARY KEY (first_month, month)
) STRICT, WITHOUT ROWID;

-- A month before all others of its user moves the user to another cohort, with
-- all months.

-- +goose StatementBegin
CREATE TRIGGER move_cohort AFTER INSERT ON user_months
WHEN EXISTS (SELECT 1 FROM user_months WHERE user_id = new.user_id AND month > new.month)
 AND NOT EXISTS (SELECT 1 FROM user_months WHERE user_id = new.user_id AND month < new.month) BEGIN
    UPDATE cohorts SET users = users - 1
    WHERE first_month = (SELECT min(month) FROM user_months WHERE user_id = new.user_id AND month > new.month)
      AND month IN (SELECT month FROM user_months WHERE user_id = new.user_id AND month > new.month);
    INSERT INTO cohorts (first_month, month, users)
    SELECT new.month, month, 1 FROM user_months WHERE user_id = new.user_id AND month > new.month
    ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER count_cohort AFTER INSERT ON user_months BEGIN
    INSERT INTO cohorts (first_month, month, users)
    VALUES ((SELECT min(month) FROM user_months WHERE user_id = new.user_id), new.month, 1)
    ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd

INSERT INTO user_months (user_id, month)
SELECT DISTINCT user_id,
       (strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12 + strftime('%m', occurred_at / 1000, 'unixepoch') - 1
FROM events WHERE quantity > 0;
