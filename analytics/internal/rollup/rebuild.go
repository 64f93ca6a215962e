package rollup

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Rebuild computes every statistic anew from the events, in one transaction on
// the database's writer. After each table it calls done.
func Rebuild(ctx context.Context, db *sqlx.DB, done func(table string)) error {
	return transact(ctx, db, func(tx *sqlx.Tx) error { return fill(ctx, tx, Statistics(), done) })
}

func transact(ctx context.Context, db *sqlx.DB, work func(*sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("compute the statistics from the events: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := work(tx); err != nil {
		return fmt.Errorf("compute the statistics from the events: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("compute the statistics from the events: commit: %w", err)
	}
	return nil
}

// fill empties the tables and fills them again. The triggers, which keep some
// of them in step with others, are away meanwhile.
func fill(ctx context.Context, tx *sqlx.Tx, statistics []Statistic, done func(table string)) error {
	var triggers []struct{ Name, SQL string }
	if err := tx.SelectContext(ctx, &triggers, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`); err != nil {
		return err
	}
	for _, t := range triggers {
		if _, err := tx.ExecContext(ctx, `DROP TRIGGER `+t.Name); err != nil {
			return err
		}
	}
	for _, s := range statistics {
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

func (s Statistic) fill(ctx context.Context, tx *sqlx.Tx) error {
	if s.InPlace {
		key, columns := s.Columns[0], strings.Join(s.Columns[1:], ", ")
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`UPDATE %s SET (%s) = (fresh.%s) FROM (%s) fresh WHERE fresh.%[5]s = %[1]s.%[5]s`,
			s.Table, columns, strings.Join(s.Columns[1:], ", fresh."), s.SQL, key))
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM `+s.Table); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO `+s.Table+` (`+strings.Join(s.Columns, ", ")+`) `+s.SQL)
	return err
}
