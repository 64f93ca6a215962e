package audit

import (
	"context"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/sources"
)

// six are the columns of [measures].
const six = `purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros`

// Database compares every table of the database with the same computed from
// the logs, which must be right already, see [Processed]. The events must be
// those of `producer generate`.
func Database(ctx context.Context, path string, l Logs) error {
	want, err := compute(l)
	if err != nil {
		return fmt.Errorf("compute the statistics: %w", err)
	}
	db, err := database.OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	c := comparison{db: db, ctx: ctx}
	c.measures("stats_total", want.overall, `SELECT currency, `+six+` FROM stats_total`)
	c.measures("stats_quarter_hour", want.quarters, `SELECT quarter_hour, currency, `+six+` FROM stats_quarter_hour`)
	c.measures("stats_day", want.daily, `SELECT day, currency, `+six+` FROM stats_day`)
	c.measures("stats_item", want.items, `SELECT item, currency, `+six+` FROM stats_item JOIN items USING (item_id)`)
	c.measures("stats_item_day", want.itemDays, `SELECT day, item, currency, `+six+
		` FROM stats_item_day JOIN items USING (item_id)`)
	c.measures("stats_user", want.users, `SELECT user, currency, `+six+` FROM stats_user JOIN users USING (user_id)`)
	c.measures("stats_attribute", want.attributes,
		`SELECT attribute, value, currency, `+six+` FROM stats_attribute JOIN attributes USING (attribute_id)`)
	c.measures("stats_attribute_day", want.dailyValues,
		`SELECT day, attribute, value, currency, `+six+` FROM stats_attribute_day JOIN attributes USING (attribute_id)`)
	c.texts("distinct names", want.totals, 1, `SELECT currency, users, items, orders FROM stats_total`)
	c.texts("items", want.names, 1, `SELECT item, item_name FROM items`)
	c.texts("partitions", want.partitions, 2, `SELECT topic, partition, records, events, duplicates + rejected, 0, late,
		coalesce(latest_event_at, -1) FROM internal_partitions WHERE records > 0`)
	c.texts("orders of days", want.orderDays, 2,
		`SELECT day, currency, orders, order_purchases, order_units_sold, order_revenue_micros
		FROM stats_day WHERE orders > 0`)
	c.texts("order_items", want.orderItems, 5, `SELECT day, order_number, user, currency, item, order_items.purchases
		FROM order_items JOIN orders USING (order_id) JOIN users USING (user_id) JOIN items USING (item_id)`)
	c.events(want)
	c.rejected(want)
	c.sources(want)
	if c.failure != nil {
		return c.failure
	}
	return c.err("database")
}

// comparison keeps the first error of SQLite.
type comparison struct {
	differences
	ctx     context.Context
	db      *sqlx.DB
	failure error
}

// rows calls each with the columns of every row; bytes are UUIDs.
func (c *comparison) rows(query string, each func(columns []any)) {
	rows, err := c.db.QueryxContext(c.ctx, query)
	if err != nil {
		c.fail(query, err)
		return
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		columns, err := rows.SliceScan()
		if err != nil {
			c.fail(query, err)
			return
		}
		for i, column := range columns {
			if id, ok := column.([]byte); ok {
				columns[i] = text(id)
			}
		}
		each(columns)
	}
	if err := rows.Err(); err != nil {
		c.fail(query, err)
	}
}

func (c *comparison) fail(query string, err error) {
	if c.failure == nil {
		c.failure = fmt.Errorf("%.40s: %w", query, err)
	}
}

// measures compares a table whose last six columns are measures.
func (c *comparison) measures(table string, want map[string]measures, query string) {
	got := map[string]measures{}
	c.rows(query, func(columns []any) {
		n := len(columns) - strings.Count(six, ",") - 1
		value := func(i int) int64 { v, _ := columns[n+i].(int64); return v }
		got[key(columns[:n]...)] = measures{value(0), value(1), value(2), value(3), value(4), value(5)}
	})
	compareMaps(&c.differences, table, want, got)
}

// texts compares a table whose first columns, keys of them, identify a row.
func (c *comparison) texts(table string, want map[string]string, keys int, query string) {
	got := map[string]string{}
	c.rows(query, func(columns []any) { got[key(columns[:keys]...)] = key(columns[keys:]...) })
	compareMaps(&c.differences, table, want, got)
}

func (c *comparison) events(want *statistics) {
	c.texts("events", want.events, 2, `SELECT occurred_at, event_id, partition, offset, user, item, order_number, quantity,
		amount_micros, e.currency, attributes, processed_at
		FROM events e JOIN users USING (user_id) JOIN items USING (item_id) LEFT JOIN orders USING (order_id)
		LEFT JOIN attribute_sets USING (attribute_set_id)`)
	c.texts("late_events", want.late, 2,
		`SELECT partition, offset, event_id, occurred_at, latest_event_at FROM late_events`)
	duplicates := map[string]string{}
	c.rows(`SELECT topic, partition, offset, event_id FROM duplicates
		WHERE topic IN (SELECT topic FROM internal_partitions WHERE events > 0)`, func(columns []any) {
		duplicates[key(columns[:3]...)] = key(columns[3])
	})
	compareMaps(&c.differences, "duplicates", want.duplicates, duplicates)
}

func (c *comparison) rejected(want *statistics) {
	c.texts("rejected", want.letters, 1, `SELECT record_id, reason FROM rejected JOIN rejected_causes USING (cause_id)`)
	got := map[string]int64{}
	c.rows(`SELECT reason, records FROM stats_rejected`,
		func(columns []any) { got[key(columns[0])], _ = columns[1].(int64) })
	compareMaps(&c.differences, "stats_rejected", want.reasons, got)
}

// sources wants the database to know of every result, and of no other.
func (c *comparison) sources(want *statistics) {
	for _, p := range want.sources {
		stored, err := sources.Stored(c.ctx, c.db, p.Topic, p.Partition, p.Offset)
		if err != nil {
			c.fail("sources", err)
			return
		}
		if !stored {
			c.add("sources: %v has a result that is not noted", p)
		}
	}
	noted := 0
	c.rows(`SELECT hex(results) FROM internal_sources`, func(columns []any) {
		for _, digit := range columns[0].(string) {
			value, _ := strconv.ParseUint(string(digit), 16, 4)
			noted += bits.OnesCount64(value)
		}
	})
	if noted != len(want.sources) {
		c.add("sources: %d results are noted, there are %d", noted, len(want.sources))
	}
}
