// Package example makes a small database in which every table has rows, so that
// a query that runs on it shows what its columns really hold.
package example

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"purchases/analytics/internal/database"
)

//go:embed rows.sql
var rows string

// Make makes the database at the path, where there is none yet.
func Make(ctx context.Context, path string) (err error) {
	db, err := database.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, rows); err != nil {
		return fmt.Errorf("fill the example %s: %w", path, err)
	}
	return nil
}
