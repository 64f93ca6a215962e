package zone

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Stored returns the reporting zone of a database, with the offsets that its
// days were computed with.
func Stored(ctx context.Context, db sqlx.QueryerContext) (*Zone, error) {
	z := &Zone{}
	if err := sqlx.GetContext(ctx, db, &z.Name, `SELECT zone FROM internal_database`); err != nil {
		return nil, fmt.Errorf("read the reporting zone: %w", err)
	}
	if err := sqlx.SelectContext(ctx, db, &z.Offsets,
		`SELECT since, offset_seconds FROM internal_zone_offsets ORDER BY since`); err != nil {
		return nil, fmt.Errorf("read the offsets of the reporting zone %s: %w", z.Name, err)
	}
	return z, nil
}

// Save makes the zone the database's reporting zone. The days that the database
// holds already stay what they were: run it within the transaction that computes
// them again.
func (z *Zone) Save(ctx context.Context, tx sqlx.ExecerContext) error {
	if _, err := tx.ExecContext(ctx, `UPDATE internal_database SET zone = ?, zone_data = ?`, z.Name,
		DataVersion()); err != nil {
		return fmt.Errorf("save the reporting zone %s: %w", z.Name, err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM internal_zone_offsets`); err != nil {
		return fmt.Errorf("save the reporting zone %s: %w", z.Name, err)
	}
	for _, o := range z.Offsets {
		if _, err := tx.ExecContext(ctx, `INSERT INTO internal_zone_offsets (since, offset_seconds) VALUES (?, ?)`, o.Since,
			o.Seconds); err != nil {
			return fmt.Errorf("save the reporting zone %s: %w", z.Name, err)
		}
	}
	return nil
}

// Adopt gives a database that holds no events yet the reporting zone of the
// name. A database with events must have it already: their days would change.
// An empty name keeps the database's zone.
func Adopt(ctx context.Context, db *sqlx.DB, name string) error {
	stored, err := Stored(ctx, db)
	if err != nil || name == "" || name == stored.Name {
		return err
	}
	wanted, err := Load(name)
	if err != nil {
		return err
	}
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("save the reporting zone %s: %w", name, err)
	}
	defer func() { _ = tx.Rollback() }()
	var filled bool
	if err := tx.GetContext(ctx, &filled,
		`SELECT EXISTS (SELECT 1 FROM internal_partitions WHERE records > 0) OR EXISTS (SELECT 1 FROM events)`); err != nil {
		return fmt.Errorf("save the reporting zone %s: %w", name, err)
	}
	if filled {
		return fmt.Errorf("the database's reporting zone is %s, not %s; change it with `analytics rebuild-rollups --zone %s`",
			stored.Name, name, name)
	}
	if err := wanted.Save(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("save the reporting zone %s: %w", name, err)
	}
	return nil
}
