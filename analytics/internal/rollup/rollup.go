// Package rollup says, in SQL, how each statistic that the database keeps
// follows from its events, and computes it anew from them. The package store
// keeps the same statistics up to date by other means, in Go and batch by batch;
// package verify compares the two.
package rollup

import (
	"fmt"
	"slices"
	"strings"
)

// Measures are the columns that most statistics share: sums over events, of
// which none is negative.
var Measures = []string{"purchases", "returns", "units_sold", "units_returned", "revenue", "refunds"}

// Sums are the measures as they follow from the table events.
var Sums = []string{"sum(quantity > 0)", "sum(quantity < 0)", "sum(max(quantity, 0))", "sum(max(-quantity, 0))",
	"sum(max(quantity, 0) * ifnull(unit_price, 0))", "sum(max(-quantity, 0) * ifnull(unit_price, 0))"}

// Month is the month in which an event occurred, since January 1970 UTC.
const Month = `(strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12 + strftime('%m', occurred_at / 1000, 'unixepoch') - 1`

// Rollup is a table of measures.
type Rollup struct {
	Table string
	Keys  []string // the columns of its key
	From  []string // the same, of the events
	Join  string   // what else is needed beside the events
	// Counts are the columns beside the measures, and how they follow.
	Counts, CountsFrom []string
}

const attributesOfEvents = ` JOIN attribute_sets s USING (attribute_set_id), json_each(s.attributes) j
	JOIN attributes a ON a.attribute = j.key AND a.value = j.value`

// Rollups lists the tables of measures.
var Rollups = []Rollup{
	{
		Table: "totals", Keys: []string{"currency"}, From: []string{"currency"},
		Counts:     []string{"users", "items", "orders"},
		CountsFrom: []string{"count(DISTINCT user_id)", "count(DISTINCT item_id)", "count(DISTINCT order_id)"},
	},
	{Table: "sales_hourly", Keys: []string{"hour", "currency"}, From: []string{"occurred_at / 3600000", "currency"}},
	{Table: "sales_daily", Keys: []string{"day", "currency"}, From: []string{"occurred_at / 86400000", "currency"}},
	{Table: "sales_by_week_hour", Keys: []string{"week_hour", "currency"}, From: []string{"(occurred_at / 3600000 + 72) % 168", "currency"}},
	{
		Table: "item_totals", Keys: []string{"item_id", "currency"}, From: []string{"item_id", "currency"},
		Counts: []string{"leading"}, CountsFrom: []string{leading("sum(max(quantity, 0))")},
	},
	{Table: "item_daily", Keys: []string{"day", "item_id", "currency"}, From: []string{"occurred_at / 86400000", "item_id", "currency"}},
	{
		Table: "user_totals", Keys: []string{"user_id", "currency"}, From: []string{"user_id", "currency"},
		Counts: []string{"leading"}, CountsFrom: []string{leading("sum(max(quantity, 0) * ifnull(unit_price, 0))")},
	},
	{Table: "attribute_totals", Keys: []string{"attribute_id", "currency"}, From: []string{"a.attribute_id", "currency"}, Join: attributesOfEvents},
	{Table: "attribute_daily", Keys: []string{"day", "attribute_id", "currency"}, From: []string{"occurred_at / 86400000", "a.attribute_id", "currency"}, Join: attributesOfEvents},
}

// Leaders is how many rows of a ranking lead: are found without sorting all.
// The queries top-items and top-users know it.
const Leaders = 1000

// leading says whether the row is one of the best by the measure, or as good
// as the last of these.
func leading(measure string) string {
	return fmt.Sprintf("sum(quantity > 0) > 0 AND rank() OVER (ORDER BY %s DESC) <= %d", measure, Leaders)
}

// Statistic is a table and the SELECT that gives all its rows.
type Statistic struct {
	Table   string
	Columns []string
	SQL     string
	// InPlace says that the rows are not statistics, but the columns behind the
	// first one, which identifies a row.
	InPlace bool
}

// Statistics lists every table of statistics, in an order in which they can be
// computed.
func Statistics() []Statistic {
	var all []Statistic
	for _, r := range Rollups {
		all = append(all, r.statistic())
	}
	return append(all,
		Statistic{Table: "user_months", Columns: []string{"user_id", "month"}, SQL: `SELECT DISTINCT user_id, ` + Month + ` FROM events WHERE quantity > 0`},
		Statistic{Table: "cohorts", Columns: []string{"first_month", "month", "users"}, SQL: `SELECT first_month, month, count(*)
			FROM user_months JOIN (SELECT user_id, min(month) AS first_month FROM user_months GROUP BY user_id) USING (user_id)
			GROUP BY first_month, month`},
		Statistic{Table: "rejected_totals", Columns: []string{"reason", "records", "first_at", "last_at"},
			SQL: `SELECT reason, count(*), min(rejected_at), max(rejected_at) FROM rejected GROUP BY reason`},
		Statistic{Table: "orders", Columns: []string{"order_id", "items", "month"}, InPlace: true, SQL: `SELECT order_id, ifnull(bought.items, '') AS items, bought.month
			FROM orders LEFT JOIN (SELECT order_id, group_concat(item_id, ',' ORDER BY item_id) AS items, min(month) AS month
				FROM (SELECT order_id, item_id, min(` + Month + `) AS month FROM events
					WHERE quantity > 0 AND order_id IS NOT NULL GROUP BY order_id, item_id)
				GROUP BY order_id) bought USING (order_id)`},
		Statistic{Table: "order_months", Columns: []string{"order_id", "month"}, SQL: `SELECT DISTINCT e.order_id, ` + Month + ` AS m
			FROM events e JOIN orders o USING (order_id) WHERE quantity > 0 AND m <> o.month`},
		Statistic{Table: "orders_monthly", Columns: []string{"month", "currency", "orders", "purchases", "units_sold", "revenue"},
			SQL: `SELECT ` + Month + ` AS m, currency, count(DISTINCT order_id), count(*), sum(quantity), sum(quantity * ifnull(unit_price, 0))
			FROM events WHERE quantity > 0 AND order_id IS NOT NULL GROUP BY m, currency`},
	)
}

func (r Rollup) statistic() Statistic {
	return Statistic{
		Table:   r.Table,
		Columns: slices.Concat(r.Keys, Measures, r.Counts),
		SQL: "SELECT " + strings.Join(slices.Concat(r.From, Sums, r.CountsFrom), ", ") +
			" FROM events" + r.Join + " GROUP BY " + strings.Join(r.From, ", "),
	}
}
