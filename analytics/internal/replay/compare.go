package replay

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/producer/testkit/crashpoint"
)

// Report is what came of a replay.
type Report struct {
	// Figures compares old with new, in the order in which people want to see
	// them. Without Moved and Damage both stand at the same offsets.
	Figures []Figure
	Moved   bool  // the new data come from other topics
	Damage  error // why there was nothing to compare with
	// Wrong has a line for each of the old statistics that did not follow from
	// the events, where that was looked for.
	Wrong []string
	// Records were read from Kafka, Carried taken over from the old database.
	Records, Carried int64
	// Positions are the next offsets of the new database.
	Positions map[batch.Partition]int64
}

// Figure is one number of the whole database.
type Figure struct {
	Name, Currency string // no currency where it is of all
	Before, After  int64  // money in micros
}

// Money says whether the figure is an amount, in micros.
func (f Figure) Money() bool { return f.Name == "revenue" || f.Name == "refunds" }

// Differences is how many figures differ and how many statistics were wrong.
func (r *Report) Differences() (n int) {
	n = len(r.Wrong)
	for _, f := range r.Figures {
		if f.Before != f.After {
			n++
		}
	}
	return n
}

// figuresSQL names each figure, in order.
const figuresSQL = `WITH whole AS (SELECT ifnull(sum(events), 0) AS events, ifnull(sum(duplicates), 0) AS duplicates,
		ifnull(sum(rejected), 0) AS rejected, ifnull(sum(late), 0) AS late FROM internal_partitions)
	SELECT 1 AS position, 'events' AS name, '' AS currency, events AS value FROM whole
	UNION ALL SELECT 2, 'duplicates', '', duplicates FROM whole
	UNION ALL SELECT 3, 'rejected', '', rejected FROM whole
	UNION ALL SELECT 4, 'late', '', late FROM whole
	UNION ALL SELECT 5, 'missing offsets', '', ifnull(sum(to_offset - from_offset + 1), 0) FROM gaps
	UNION ALL SELECT 6, 'users', '', count(*) FROM users
	UNION ALL SELECT 7, 'items', '', count(*) FROM items
	UNION ALL SELECT 8, 'purchases', currency, purchases FROM stats_total
	UNION ALL SELECT 9, 'returns', currency, returns FROM stats_total
	UNION ALL SELECT 10, 'orders', currency, orders FROM stats_total
	UNION ALL SELECT 11, 'units_sold', currency, units_sold FROM stats_total
	UNION ALL SELECT 12, 'units_returned', currency, units_returned FROM stats_total
	UNION ALL SELECT 13, 'revenue', currency, revenue_micros FROM stats_total
	UNION ALL SELECT 14, 'refunds', currency, refunds_micros FROM stats_total
	ORDER BY currency, position`

type figure struct {
	Position       int
	Name, Currency string
	Value          int64
}

func figures(ctx context.Context, db sqlx.QueryerContext) (list []figure, err error) {
	if err := sqlx.SelectContext(ctx, db, &list, figuresSQL); err != nil {
		return nil, fmt.Errorf("read the figures: %w", err)
	}
	return list, nil
}

// compare reports old against new.
func (j *job) compare(ctx context.Context) (err error) {
	if j.report.Positions, err = positions(ctx, j.candidate); err != nil {
		return err
	}
	after, err := figures(ctx, j.candidate)
	if err != nil {
		return err
	}
	if j.Damage == nil {
		j.report.Figures = pair(j.old.figures, after)
	}
	crashpoint.At("replay.compared")
	return nil
}

// pair brings together the figures of one name and currency.
func pair(before, after []figure) (list []Figure) {
	type key struct{ name, currency string }
	index := map[key]int{}
	at := func(f figure) *Figure {
		k := key{f.Name, f.Currency}
		if _, known := index[k]; !known {
			index[k] = len(list)
			list = append(list, Figure{Name: f.Name, Currency: f.Currency})
		}
		return &list[index[k]]
	}
	for _, f := range before {
		at(f).Before = f.Value
	}
	for _, f := range after {
		at(f).After = f.Value
	}
	return list
}
