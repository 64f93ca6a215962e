// Package rollup says, in SQL, how each statistic that the database keeps
// follows from its events, and computes it anew from them. The package store
// keeps the tables of measures up to date batch by batch, by the keys stated here;
// package verify compares what is stored with what is stated.
package rollup

import (
	"fmt"
	"slices"
	"strings"
)

// Measures are the columns that most statistics share: sums over events, of
// which none is negative.
var Measures = []string{"purchases", "returns", "units_sold", "units_returned", "revenue_micros", "refunds_micros"}

// Sums are the measures as they follow from the table events.
var Sums = []string{"sum(quantity > 0)", "sum(quantity < 0)", "sum(max(quantity, 0))", "sum(max(-quantity, 0))",
	"sum(max(ifnull(amount_micros, 0), 0))", "sum(max(-ifnull(amount_micros, 0), 0))"}

// Day is the local day of an event, in days since 1970-01-01 on the calendar of
// the reporting zone. Two days are added and taken off because SQLite rounds
// towards zero.
const Day = `((occurred_at + 1000 * (SELECT offset_seconds FROM internal_zone_offsets WHERE since <= occurred_at ORDER
	BY since DESC LIMIT 1)
	+ 172800000) / 86400000 - 2)`

// month is the month of a day, in months since January 1970.
func month(day string) string {
	return fmt.Sprintf(`((strftime('%%Y', %s * 86400, 'unixepoch') - 1970) * 12 + strftime('%%m', %[1]s * 86400, 'unixepoch') - 1)`, day)
}

// Rollup is a table of measures.
type Rollup struct {
	Table string
	Keys  []string // the columns of its key
	From  []string // the same, of the events
	Join  string   // what else is needed beside the events
	// Counts are the columns beside the measures, and how they follow.
	Counts, CountsFrom []string
	// Ranked is the measure by which the best rows lead, see [Leaders]; empty for most.
	Ranked string
}

const attributesOfEvents = ` JOIN attribute_sets s USING (attribute_set_id), json_each(s.attributes) j
	JOIN attributes a ON a.attribute = j.key AND a.value = j.value`

const inOrder = `quantity > 0 AND order_id IS NOT NULL`

// Rollups lists the tables of measures.
var Rollups = []Rollup{
	{
		Table: "stats_total", Keys: []string{"currency"}, From: []string{"currency"},
		Counts: []string{"users", "items", "orders"},
		CountsFrom: []string{"count(DISTINCT user_id)", "count(DISTINCT item_id)",
			"count(DISTINCT order_id) FILTER (WHERE quantity > 0)"},
	},
	{Table: "stats_quarter_hour", Keys: []string{"quarter_hour", "currency"},
		From: []string{"occurred_at / 900000", "currency"}},
	{
		Table: "stats_day", Keys: []string{"day", "currency"}, From: []string{Day, "currency"},
		Counts: []string{"orders", "order_purchases", "order_units_sold", "order_revenue_micros"},
		CountsFrom: []string{"count(DISTINCT order_id) FILTER (WHERE quantity > 0)", "sum(" + inOrder + ")",
			"sum(iif(" + inOrder + ", quantity, 0))", "sum(iif(" + inOrder + ", ifnull(amount_micros, 0), 0))"},
	},
	{Table: "stats_item", Keys: []string{"item_id", "currency"}, From: []string{"item_id", "currency"},
		Ranked: "units_sold"},
	{Table: "stats_item_day", Keys: []string{"day", "item_id", "currency"}, From: []string{Day, "item_id", "currency"}},
	{Table: "stats_user", Keys: []string{"user_id", "currency"}, From: []string{"user_id", "currency"},
		Ranked: "revenue_micros"},
	{Table: "stats_attribute", Keys: []string{"attribute_id", "currency"}, From: []string{"a.attribute_id", "currency"},
		Join: attributesOfEvents},
	{Table: "stats_attribute_day", Keys: []string{"day", "attribute_id", "currency"},
		From: []string{Day, "a.attribute_id", "currency"}, Join: attributesOfEvents},
}

// Leaders is how many rows of a ranking lead: are found without sorting all.
// The queries top-items and top-users know it.
const Leaders = 1000

// Statistic is a table and the SELECT that gives all its rows.
type Statistic struct {
	Table string
	// Keys identify a row, Values are the other columns. The SELECT has both, in
	// this order.
	Keys, Values []string
	SQL          string
	// Loose values may differ by chance: verify has a check of its own for them.
	Loose []string
}

// Columns are the keys and the values.
func (s *Statistic) Columns() []string { return slices.Concat(s.Keys, s.Values) }

// Statistics lists every table of statistics, in an order in which they can be
// computed.
func Statistics() []Statistic { return StatisticsOf("events") }

// StatisticsOf lists the same as they follow from other events: those of a table,
// or of a SELECT with a name, that has the columns of the table events.
func StatisticsOf(events string) []Statistic {
	var all []Statistic
	for _, r := range Rollups {
		all = append(all, r.statistic(events))
	}
	return append(all,
		Statistic{Table: "order_items", Keys: []string{"order_id", "item_id"}, Values: []string{"purchases"},
			SQL: `SELECT order_id, item_id, count(*) FROM ` + events + ` WHERE ` + inOrder + ` GROUP BY order_id, item_id`},
		Statistic{Table: "stats_user_month", Keys: []string{"user_id", "month"}, Values: []string{"purchases"},
			SQL: `SELECT user_id, ` + month("day") + ` AS m, count(*) FROM (SELECT user_id, ` + Day + ` AS day FROM ` + events +
				` WHERE quantity > 0) GROUP BY user_id, m`},
		Statistic{Table: "stats_cohort", Keys: []string{"first_month", "month"}, Values: []string{"users"},
			SQL: `SELECT first_month, month, count(*)
			FROM stats_user_month JOIN (SELECT user_id, min(month) AS first_month FROM stats_user_month GROUP BY user_id) USING
			(user_id)
			GROUP BY first_month, month`},
		Statistic{Table: "stats_rejected", Keys: []string{"reason"}, Values: []string{"records", "first_at", "last_at"},
			SQL: `SELECT reason, count(*), min(rejected_at), max(rejected_at) FROM rejected JOIN rejected_causes USING
				(cause_id) GROUP BY reason`},
	)
}

func (r Rollup) statistic(events string) Statistic {
	s := Statistic{Table: r.Table, Keys: r.Keys, Values: slices.Concat(Measures, r.Counts)}
	from := slices.Concat(r.From, Sums, r.CountsFrom)
	if r.Ranked != "" {
		s.Values, s.Loose = append(s.Values, "leading"), []string{"leading"}
		from = append(from, fmt.Sprintf("sum(quantity > 0) > 0 AND rank() OVER (ORDER BY %s DESC) <= %d",
			Sums[slices.Index(Measures, r.Ranked)], Leaders))
	}
	s.SQL = "SELECT " + strings.Join(from, ", ") + " FROM " + events + r.Join + " GROUP BY " + strings.Join(r.From, ", ")
	return s
}
