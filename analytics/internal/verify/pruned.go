package verify

import (
	"fmt"
	"slices"
	"strings"

	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/rollup"
)

// statistics are the tables of statistics, each with the SELECT that gives all its
// rows. Where events were pruned, rows of a day that is kept follow from the events.
// All others follow from finer statistics, or from what the prune has noted; those
// of which there is nothing finer are taken as they are. So an error of one
// number shows where two tables should agree.
func statistics(kept retention.Kept) []rollup.Statistic {
	if !kept.Pruned() {
		return rollup.Statistics()
	}
	list := rollup.StatisticsOf(fmt.Sprintf(`(SELECT * FROM events WHERE occurred_at >= %d) AS kept`, kept.Since))
	for i, all := range rollup.Statistics() {
		s := &list[i]
		switch s.Table {
		case "stats_total":
			s.SQL = totals
		case "stats_day":
			s.SQL += " UNION ALL " + fmt.Sprintf(days, kept.Day)
		case "stats_quarter_hour":
			s.SQL += asStored(s, fmt.Sprintf("quarter_hour * 900000 < %d", kept.Since))
		case "stats_item_day", "stats_attribute_day":
			s.SQL += asStored(s, fmt.Sprintf("day < %d", kept.Day))
		case "order_items":
			s.SQL += asStored(s, fmt.Sprintf("order_id IN (SELECT order_id FROM orders WHERE day < %d)", kept.Day))
		case "stats_item":
			s.SQL = ofDays("item_id", "stats_item_day", ", 0")
		case "stats_attribute":
			s.SQL = ofDays("attribute_id", "stats_attribute_day", "")
		case "stats_user":
			s.SQL = withPruned(all, "internal_pruned_users")
		case "stats_user_month":
			s.SQL = withPruned(all, "internal_pruned_user_months")
		}
	}
	return list
}

// asStored adds the rows of the statistic's table, as they are, that meet the condition.
func asStored(s *rollup.Statistic, condition string) string {
	return " UNION ALL SELECT " + strings.Join(s.Columns(), ", ") + " FROM " + s.Table + " WHERE " + condition
}

// withPruned adds what a prune has noted to what follows from the events, those
// included that are still to be deleted.
func withPruned(s rollup.Statistic, table string) string {
	keys, columns := strings.Join(s.Keys, ", "), strings.Join(s.Columns(), ", ")
	var sums, noted []string
	for _, v := range s.Values {
		sums = append(sums, "sum("+v+")")
		if slices.Contains(s.Loose, v) {
			v = "0"
		}
		noted = append(noted, v)
	}
	return "WITH both (" + columns + ") AS (" + s.SQL +
		" UNION ALL SELECT " + keys + ", " + strings.Join(noted, ", ") + " FROM " + table + ") " +
		"SELECT " + keys + ", " + strings.Join(sums, ", ") + " FROM both GROUP BY " + keys
}

// ofDays sums up the table of days.
func ofDays(id, table, more string) string {
	return "SELECT " + id + ", currency, " + sums + more + " FROM " + table + " GROUP BY " + id + ", currency"
}

var sums = "sum(" + strings.Join(rollup.Measures, "), sum(") + ")"

// totals are what the statistics of days, users and items say.
var totals = `SELECT currency, ` + sums + `, users, items, sum(orders) FROM stats_day
	LEFT JOIN (SELECT currency, count(*) AS users FROM stats_user GROUP BY currency) USING (currency)
	LEFT JOIN (SELECT currency, count(*) AS items FROM stats_item GROUP BY currency) USING (currency)
	GROUP BY currency`

// days are what items and orders say of the days before the one that is kept. What
// the purchases of orders came to is taken as it is.
var days = `SELECT day, currency, ` + strings.Join(rollup.Measures, ", ") + `, ifnull(n, 0), ifnull(p, 0),
		ifnull(o.order_units_sold, 0), ifnull(o.order_revenue_micros, 0)
	FROM (SELECT day, currency, ` + sumsNamed() + ` FROM stats_item_day WHERE day < %[1]d GROUP BY day, currency)
	LEFT JOIN (SELECT day, currency, sum(purchases > 0) AS n, sum(purchases) AS p
		FROM orders WHERE day < %[1]d GROUP BY day, currency) USING (day, currency)
	LEFT JOIN (SELECT day, currency, order_units_sold, order_revenue_micros FROM stats_day) o USING (day, currency)`

func sumsNamed() string {
	var list []string
	for _, m := range rollup.Measures {
		list = append(list, "sum("+m+") AS "+m)
	}
	return strings.Join(list, ", ")
}

// quarters compares the quarters of an hour with the days before the one that is
// kept: day by day, or all together where the zone had offsets in which a day did
// not begin with one, or before 1970, where they are rounded the other way.
func quarters(kept retention.Kept) string {
	day := strings.ReplaceAll(rollup.Day, "occurred_at", "(quarter_hour * 900000)")
	return fmt.Sprintf(`WITH early AS (SELECT * FROM stats_quarter_hour WHERE quarter_hour * 900000 < %[1]d),
		exact AS (SELECT NOT EXISTS (SELECT 1 FROM internal_zone_offsets o WHERE offset_seconds %% 900 <> 0
				AND since < %[1]d AND (SELECT min(quarter_hour) * 900000 FROM early) <
					ifnull((SELECT min(since) FROM internal_zone_offsets n WHERE n.since > o.since), %[1]d))
			AND (SELECT min(quarter_hour) FROM early) > 0 AS by_day)
		SELECT format('%%s currency=%%Q: purchases %%+d returns %%+d revenue_micros %%+d refunds_micros %%+d',
			iif(by_day, 'day=' || day, 'all days'), currency, sum(purchases), sum(returns), sum(revenue_micros),
			sum(refunds_micros))
		FROM exact CROSS JOIN (
			SELECT %[3]s AS day, currency, %[4]s FROM early
			UNION ALL SELECT day, currency, -%[5]s FROM stats_day WHERE day < %[2]d)
		GROUP BY currency, iif(by_day, day, 0)
		HAVING %[6]s`, kept.Since, kept.Day, day,
		strings.Join(rollup.Measures, ", "), strings.Join(rollup.Measures, ", -"), "sum("+
			strings.Join(rollup.Measures, ") <> 0 OR sum(")+") <> 0")
}
