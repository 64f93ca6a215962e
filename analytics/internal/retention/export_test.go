package retention

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Step makes one step.
func (p Plan) Step(ctx context.Context, tx *sqlx.Tx, limit int) (int64, error) {
	return p.step(ctx, tx, limit)
}
