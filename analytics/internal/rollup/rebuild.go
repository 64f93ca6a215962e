package rollup

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/zone"
)

// Rebuild computes every statistic anew from the events, in one transaction on
// the database's writer. With a zone it makes that the reporting zone, and finds
// the orders of its days. After each table it calls done.
func Rebuild(ctx context.Context, db *sqlx.DB, z *zone.Zone, done func(table string)) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("compute the statistics from the events: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if z != nil {
		if err := changeZone(ctx, tx, z); err != nil {
			return fmt.Errorf("change the reporting zone to %s: %w", z.Name, err)
		}
	}
	if err := fill(ctx, tx, done); err != nil {
		return fmt.Errorf("compute the statistics from the events: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("compute the statistics from the events: commit: %w", err)
	}
	return nil
}

// fill empties the tables and fills them again. The triggers, which keep some
// of them in step with others, are away meanwhile.
func fill(ctx context.Context, tx *sqlx.Tx, done func(table string)) error {
	var triggers []struct{ Name, SQL string }
	if err := tx.SelectContext(ctx, &triggers, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`); err != nil {
		return err
	}
	for _, t := range triggers {
		if _, err := tx.ExecContext(ctx, `DROP TRIGGER `+t.Name); err != nil {
			return err
		}
	}
	for _, s := range Statistics() {
		if err := s.fill(ctx, tx); err != nil {
			return fmt.Errorf("table %s: %w", s.Table, err)
		}
		done(s.Table)
	}
	for _, t := range triggers {
		if _, err := tx.ExecContext(ctx, t.SQL); err != nil {
			return err
		}
	}
	return nil
}

func (s *Statistic) fill(ctx context.Context, tx *sqlx.Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM `+s.Table); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO `+s.Table+` (`+strings.Join(s.Columns(), ", ")+`) `+s.SQL)
	return err
}

// zoneChange gives each event the order of its day in the zone: orders that
// stood on two days become two, and two of one day one. The hash is that of the
// order before, which has the same number, user and currency.
var zoneChange = []string{
	`CREATE TEMP TABLE moved (occurred_at, event_id, old_id, day, PRIMARY KEY (occurred_at, event_id)) WITHOUT ROWID`,
	`INSERT INTO moved SELECT occurred_at, event_id, order_id, ` + Day + ` FROM events WHERE order_id IS NOT NULL`,
	`CREATE TEMP TABLE fresh AS
		SELECT row_number() OVER (ORDER BY min(occurred_at), order_hash, order_number) AS order_id, moved.day, order_hash,
		order_number, user_id, currency,
			sum(quantity > 0) AS purchases, sum(quantity < 0) AS returns
		FROM moved JOIN events USING (occurred_at, event_id)
		JOIN (SELECT order_id AS old_id, order_hash, order_number FROM orders) USING (old_id)
		GROUP BY moved.day, order_hash, order_number, user_id, currency`,
	`CREATE INDEX temp.fresh_by_name ON fresh (day, order_hash, order_number, user_id, currency)`,
	`UPDATE events SET order_id = (SELECT f.order_id FROM orders o
			JOIN fresh f ON f.order_hash = o.order_hash AND f.order_number = o.order_number AND f.user_id = o.user_id AND
			f.currency = o.currency
			WHERE o.order_id = events.order_id AND f.day = (SELECT m.day FROM moved m WHERE m.occurred_at = events.occurred_at
			AND m.event_id = events.event_id))
		WHERE order_id IS NOT NULL`,
	`DELETE FROM order_items`,
	`DELETE FROM orders`,
	`INSERT INTO orders (order_id, day, order_hash, order_number, user_id, currency, purchases, returns)
		SELECT order_id, day, order_hash, order_number, user_id, currency, purchases, returns FROM fresh`,
	`DROP TABLE fresh`,
	`DROP TABLE moved`,
}

func changeZone(ctx context.Context, tx *sqlx.Tx, z *zone.Zone) error {
	if err := z.Save(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `PRAGMA defer_foreign_keys = ON`); err != nil {
		return err
	}
	for _, statement := range zoneChange {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("find the orders of its days: %w", err)
		}
	}
	return nil
}
