package verify

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Checksums is the check of the checksums alone.
func Checksums(ctx context.Context, tx *sqlx.Tx) (string, error) { return checksums(ctx, tx) }

// In makes all checks in the transaction.
func In(ctx context.Context, tx *sqlx.Tx) (Report, error) { return run(ctx, tx, func() {}) }
