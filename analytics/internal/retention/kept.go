// Package retention deletes raw events that are older than a day, and keeps the
// statistics that count them. It works beside the process that fills the database:
// that one never learns which events are gone, only which are refused when they
// come, and it reads this in each of its transactions.
package retention

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/zone"
)

// Kept says since when raw events are kept: from the start of a local day on that
// is also the start of a quarter of an hour of UTC, so that each row of a statistic
// of periods is of deleted events or of kept ones, never of both.
type Kept struct {
	Since int64 // milliseconds since 1970 UTC
	Day   int64 // that begins then, in the database's reporting zone
}

// All keeps all events.
var All = Kept{math.MinInt64, math.MinInt64}

// Pruned says whether older events are deleted, or about to be.
func (k Kept) Pruned() bool { return k != All }

// Time is the instant since when events are kept, or zero for all.
func (k Kept) Time() time.Time {
	if !k.Pruned() {
		return time.Time{}
	}
	return time.UnixMilli(k.Since).UTC()
}

// Date is the day as people write it.
func (k Kept) Date() string { return time.Unix(k.Day*24*60*60, 0).UTC().Format(time.DateOnly) }

// Read says what the database keeps.
func Read(ctx context.Context, db sqlx.QueryerContext) (Kept, error) {
	var since sql.NullInt64
	if err := sqlx.GetContext(ctx, db, &since, `SELECT kept_since FROM internal_database`); err != nil {
		return All, fmt.Errorf("read since when events are kept: %w", err)
	}
	if !since.Valid {
		return All, nil
	}
	z, err := zone.Stored(ctx, db)
	if err != nil {
		return All, err
	}
	return Kept{since.Int64, z.Calendar().Day(since.Int64)}, nil
}
