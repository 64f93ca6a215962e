// Package gaps works out which offsets of a partition the processor has lost: those
// that its dead letters say had expired, less those whose results are stored. The
// rows of the table gaps follow from the letters and the results alone, whichever of
// them is read first.
package gaps

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// Warning says how many offsets the statistics of a database lack, in one line;
// it is empty without any. No later success makes them good.
func Warning(ctx context.Context, db sqlx.QueryerContext) (string, error) {
	var missing int64
	if err := sqlx.GetContext(ctx, db, &missing,
		`SELECT ifnull(sum(to_offset - from_offset + 1), 0) FROM gaps`); err != nil {
		return "", fmt.Errorf("read the gaps: %w", err)
	}
	if missing == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d offsets expired or could not be read, and are missing from the statistics; `analytics query "+
		"gaps` lists them", missing), nil
}

// Range is some offsets of one partition.
type Range struct {
	From       int64 `db:"from_offset"`
	To         int64 `db:"to_offset"` // inclusive
	RecordedAt int64 `db:"recorded_at"`
}

// Missing returns the offsets of the letters that were never processed, in
// order and without overlaps. last returns the highest offset of a range that
// has its result, or -1.
//
// A processor works through a partition in order. So where an offset of a letter
// has a result, those before it were processed, or are in the letter of the
// group that processed it: the group of this letter is a later one, or was set
// back.
func Missing(letters []Range, last func(from, to int64) (int64, error)) ([]Range, error) {
	var left []Range
	for _, l := range letters {
		at, err := last(l.From, l.To)
		if err != nil {
			return nil, err
		}
		if l.From = max(l.From, at+1); l.From <= l.To {
			left = append(left, l)
		}
	}
	return unite(left), nil
}

// unite makes one range of those that overlap, recorded when the first of them was.
func unite(list []Range) (united []Range) {
	slices.SortFunc(list, func(a, b Range) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	for _, r := range list {
		if n := len(united) - 1; n >= 0 && r.From <= united[n].To {
			united[n].To = max(united[n].To, r.To)
			united[n].RecordedAt = min(united[n].RecordedAt, r.RecordedAt)
			continue
		}
		united = append(united, r)
	}
	return united
}
