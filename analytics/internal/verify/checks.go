package verify

import (
	"fmt"
	"strings"

	"purchases/analytics/internal/rollup"
)

// Check is a question to the database.
type Check struct {
	Name string // of what is compared
	// SQL returns one column of text, a row for each difference.
	SQL string
}

// Checks lists all checks, the most important first.
func Checks() []Check {
	checks := []Check{
		{"SQLite's integrity check", `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`},
		{"references between tables", `SELECT "table" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check`},
	}
	checks = append(checks, partitionChecks...)
	for _, r := range rollup.Rollups {
		checks = append(checks, Check{r.Table + " against the events", measuresAgainst(r)})
	}
	return append(checks, restChecks...)
}

// storedOffsets are the places of all records. The table events does not name
// its topic, as there is one; where there were several, events are left out.
const storedOffsets = `WITH log AS (SELECT min(topic) AS topic FROM partitions WHERE events > 0 HAVING count(DISTINCT topic) = 1),
	stored AS (
		SELECT log.topic, partition, offset FROM log CROSS JOIN events
		UNION ALL SELECT topic, partition, offset FROM duplicates
		UNION ALL SELECT topic, partition, offset FROM rejected) `

var partitionChecks = []Check{
	{"the counts of each partition", `SELECT format('%s/%d: %d records, but %d events, %d duplicates and %d rejected',
			topic, partition, records, events, duplicates, rejected)
		FROM partitions WHERE records <> events + duplicates + rejected OR late > events`},
	{"the counts of partitions against the events", `SELECT format('partition %d: %+d', partition, sum(n))
		FROM (SELECT partition, sum(events) AS n FROM partitions GROUP BY partition
			UNION ALL SELECT partition, -count(*) FROM events GROUP BY partition)
		GROUP BY partition HAVING sum(n) <> 0`},
	{"the counts of partitions against the duplicates", countsAgainst("duplicates")},
	{"the counts of partitions against the rejected records", countsAgainst("rejected")},
	{"records stored twice", storedOffsets + `SELECT format('%s/%d offset %d, %d times', topic, partition, offset, count(*))
		FROM stored GROUP BY topic, partition, offset HAVING count(*) > 1`},
	{"the stored offsets against the records", storedOffsets + `, last AS (SELECT topic, partition, max(offset) AS offset FROM stored GROUP BY topic, partition)
		SELECT format('%s/%d: next offset %d, last record %s, but a record at %d', topic, partition, next_offset, ifnull(last_offset, 'unknown'), offset)
		FROM partitions JOIN last USING (topic, partition)
		WHERE offset >= next_offset OR last_offset <> offset`},
	{"the stored offsets against the gaps", `SELECT format('%s/%d: next offset %d, but %d records and %d missing offsets', topic, partition, next_offset, records, missing)
		FROM partitions p JOIN (SELECT topic, partition, sum(to_offset - from_offset + 1) AS missing, max(to_offset) AS last FROM gaps GROUP BY topic, partition) g
			USING (topic, partition)
		WHERE records + missing > next_offset OR g.last >= next_offset
		UNION ALL SELECT format('%s/%d: next offset %d, but %d records', topic, partition, next_offset, records) FROM partitions WHERE records > next_offset`},
	{"records inside of gaps", storedOffsets + `SELECT format('%s/%d offset %d', g.topic, g.partition, s.offset)
		FROM gaps g JOIN stored s ON s.topic = g.topic AND s.partition = g.partition AND s.offset BETWEEN g.from_offset AND g.to_offset`},
}

// countsAgainst compares a count of the table partitions with the table of that name.
func countsAgainst(table string) string {
	return fmt.Sprintf(`SELECT format('%%s/%%d: %%+d', topic, partition, sum(n))
		FROM (SELECT topic, partition, %[1]s AS n FROM partitions
			UNION ALL SELECT topic, partition, -count(*) FROM %[1]s GROUP BY topic, partition)
		GROUP BY topic, partition HAVING sum(n) <> 0`, table)
}

// measuresAgainst takes the recomputed rows from the stored ones: what is left
// differs, by that much. The events are read once.
func measuresAgainst(r rollup.Rollup) string {
	keys, from := strings.Join(r.Keys, ", "), strings.Join(r.From, ", ")
	var label, differs, amounts []string
	for _, k := range r.Keys {
		label = append(label, fmt.Sprintf("'%s=' || quote(%s)", k, k))
	}
	for _, m := range rollup.Measures {
		differs = append(differs, fmt.Sprintf("sum(%s) <> 0", m))
		amounts = append(amounts, fmt.Sprintf("iif(sum(%s) <> 0, format(' %s %%+d', sum(%[1]s)), '')", m, m))
	}
	return fmt.Sprintf(`SELECT %s || CASE sum(rows) WHEN 1 THEN ' has no events' WHEN -1 THEN ' is missing' ELSE ':' || %s END
		FROM (SELECT %s, 1 AS rows, %s FROM %s
			UNION ALL SELECT %s, -1, -%s FROM events%s GROUP BY %[6]s)
		GROUP BY %[3]s HAVING sum(rows) <> 0 OR %[9]s`,
		strings.Join(label, " || ' ' || "), strings.Join(amounts, " || "), keys, strings.Join(rollup.Measures, ", "), r.Table,
		from, strings.Join(rollup.Sums, ", -"), r.Join, strings.Join(differs, " OR "))
}

var restChecks = []Check{
	{"user_months against the events", `SELECT format('user_id=%d month=%d: %+d', user_id, month, sum(n))
		FROM (SELECT user_id, month, 1 AS n FROM user_months
			UNION ALL SELECT DISTINCT user_id, ` + rollup.Month + `, -1
			FROM events WHERE quantity > 0)
		GROUP BY user_id, month HAVING sum(n) <> 0`},
	{"cohorts against user_months", `SELECT format('first_month=%d month=%d: %+d', first_month, month, sum(n))
		FROM (SELECT first_month, month, users AS n FROM cohorts
			UNION ALL SELECT first_month, month, -count(*)
			FROM user_months JOIN (SELECT user_id, min(month) AS first_month FROM user_months GROUP BY user_id) USING (user_id)
			GROUP BY first_month, month)
		GROUP BY first_month, month HAVING sum(n) <> 0`},
	{"order_months against the events", `SELECT format('order_id=%d month=%d: %+d', order_id, month, sum(n))
		FROM (SELECT order_id, month, 1 AS n FROM order_months
			UNION ALL SELECT order_id, month, 1 FROM orders WHERE month IS NOT NULL
			UNION ALL SELECT DISTINCT order_id, ` + rollup.Month + `, -1 FROM events WHERE quantity > 0 AND order_id IS NOT NULL)
		GROUP BY order_id, month HAVING sum(n) <> 0`},
	{"orders_monthly against the events", `SELECT format('month=%d currency=%Q: orders %+d purchases %+d units_sold %+d revenue %+d', month, currency, sum(o), sum(p), sum(u), sum(r))
		FROM (SELECT month, currency, orders AS o, purchases AS p, units_sold AS u, revenue AS r FROM orders_monthly
			UNION ALL SELECT ` + rollup.Month + ` AS month, currency, -count(DISTINCT order_id), -count(*), -sum(quantity), -sum(quantity * ifnull(unit_price, 0))
			FROM events WHERE quantity > 0 AND order_id IS NOT NULL GROUP BY 1, currency)
		GROUP BY month, currency HAVING sum(o) <> 0 OR sum(p) <> 0 OR sum(u) <> 0 OR sum(r) <> 0`},
	{"the users, items and orders in totals", `SELECT format('currency=%Q: %d users, %d items and %d orders, counted are %d, %d and %d',
			currency, t.users, t.items, t.orders, e.users, e.items, e.orders)
		FROM totals t JOIN (SELECT currency, count(DISTINCT user_id) AS users, count(DISTINCT item_id) AS items, count(DISTINCT order_id) AS orders
			FROM events GROUP BY currency) e USING (currency)
		WHERE t.users <> e.users OR t.items <> e.items OR t.orders <> e.orders`},
	{"the leading items", leading("item_totals", "item_id", "units_sold")},
	{"the leading users", leading("user_totals", "user_id", "revenue")},
	{"orders with one name", `SELECT format('%d orders %Q in currency %Q', count(*), order_number, currency) FROM orders
		GROUP BY order_number, currency HAVING count(*) > 1`},
	{"the items of orders against the events", `SELECT format('order_id=%d item_id=%d: %+d', order_id, item_id, sum(n))
		FROM (SELECT order_id, value AS item_id, 1 AS n FROM orders, json_each('[' || orders.items || ']')
			UNION ALL SELECT DISTINCT order_id, item_id, -1 FROM events WHERE quantity > 0 AND order_id IS NOT NULL)
		GROUP BY order_id, item_id HAVING sum(n) <> 0`},
	{"the keys of orders", orderKeys},
	{"rejected_totals against the rejected records", `SELECT reason || format(': %+d', sum(records))
		FROM (SELECT reason, records, first_at, last_at FROM rejected_totals
			UNION ALL SELECT reason, -count(*), -min(rejected_at), -max(rejected_at) FROM rejected GROUP BY reason)
		GROUP BY reason HAVING sum(records) <> 0 OR sum(first_at) <> 0 OR sum(last_at) <> 0`},
	{"identities", `SELECT format('event %s at partition %d offset %d', hex(event_id), partition, offset) FROM events
			WHERE length(event_id) <> 16 OR quantity = 0 OR unit_price < 0
		UNION ALL SELECT format('rejected record at %s/%d offset %d', topic, partition, offset) FROM rejected WHERE length(event_id) <> 16
		UNION ALL SELECT format('duplicate at %s/%d offset %d of nothing', topic, partition, offset) FROM duplicates
			WHERE event_id NOT IN (SELECT event_id FROM events UNION ALL SELECT event_id FROM rejected)`},
	{"the watermarks of partitions", `SELECT format('partition %d: %s, latest event %s', partition, ifnull(mark, 'none'), ifnull(latest, 'none'))
		FROM (SELECT partition, max(watermark) AS mark FROM partitions GROUP BY partition)
		LEFT JOIN (SELECT partition, max(occurred_at) AS latest FROM events GROUP BY partition) USING (partition)
		WHERE mark IS NOT latest`},
	{"the late events", lateEvents},
	{"names that no event has", `SELECT format('user %Q', user) FROM users WHERE user_id NOT IN (SELECT user_id FROM events)
		UNION ALL SELECT format('item %Q', item) FROM items WHERE item_id NOT IN (SELECT item_id FROM events)
		UNION ALL SELECT format('order %Q', order_number) FROM orders WHERE order_id NOT IN (SELECT order_id FROM events WHERE order_id IS NOT NULL)
		UNION ALL SELECT 'attributes ' || attributes FROM attribute_sets
			WHERE attribute_set_id NOT IN (SELECT attribute_set_id FROM events WHERE attribute_set_id IS NOT NULL)
		UNION ALL SELECT format('attribute %s=%Q', attribute, value) FROM attributes
			WHERE (attribute, value) NOT IN (SELECT j.key, j.value FROM attribute_sets s, json_each(s.attributes) j)`},
	{"the times of the items' names", `SELECT format('item %Q', item) FROM items i WHERE item_name <> ''
		AND NOT EXISTS (SELECT 1 FROM events e WHERE e.occurred_at = i.named_at AND e.item_id = i.item_id)`},
}

// leading wants the best thousand rows to lead, or all while there are fewer.
func leading(table, id, measure string) string {
	return fmt.Sprintf(`SELECT format('%[2]s=%%d currency=%%Q', %[2]s, currency) FROM %[1]s
		WHERE leading <> (purchases > 0) AND (leading
			OR %[3]s >= ifnull((SELECT %[3]s FROM %[1]s WHERE purchases > 0 ORDER BY %[3]s DESC LIMIT 1 OFFSET 999), 0))`, table, id, measure)
}

// orderKeys wants one key for each order that is old enough to have one. Which
// key it is, only the program knows: SQLite cannot compute it.
const orderKeys = `SELECT format('order_id=%d has %d keys', order_id, count(*)) FROM order_keys GROUP BY order_id HAVING count(*) > 1
	UNION ALL SELECT format('order_id=%d has no key', order_id) FROM orders
		WHERE order_id <= (SELECT min(through) FROM order_key_ranges) AND order_id NOT IN (SELECT order_id FROM order_keys)
	UNION ALL SELECT format('order_id=%d has the key %d in a range that ends before it', order_id, order_key)
		FROM order_keys JOIN order_key_ranges ON key_range = order_key >> 34 WHERE order_id > through
	UNION ALL SELECT format('order_id=%d is displaced to %d and has the key %d', order_id, d.order_key, k.order_key)
		FROM displaced_orders d JOIN order_keys k USING (order_id) WHERE d.order_key <> k.order_key`

// lateEvents goes through each partition in the order of its offsets, as ingest
// did, with 24 hours of allowed lateness in milliseconds.
const lateEvents = `WITH marked AS (
		SELECT partition, offset, event_id, occurred_at, max(occurred_at) OVER (PARTITION BY partition ORDER BY offset
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS watermark
		FROM events WHERE (SELECT count(DISTINCT topic) FROM partitions WHERE events > 0) = 1),
	late AS (SELECT * FROM marked WHERE occurred_at < watermark - 86400000)
	SELECT format('partition %d offset %d is recorded and was not late', partition, offset) FROM (SELECT * FROM late_events EXCEPT SELECT * FROM late)
		WHERE (SELECT count(DISTINCT topic) FROM partitions WHERE events > 0) = 1
	UNION ALL SELECT format('partition %d offset %d was late and is not recorded', partition, offset) FROM (SELECT * FROM late EXCEPT SELECT * FROM late_events)
	UNION ALL SELECT format('partition %d: %+d', partition, sum(n))
		FROM (SELECT partition, sum(late) AS n FROM partitions GROUP BY partition UNION ALL SELECT partition, -count(*) FROM late_events GROUP BY partition)
		GROUP BY partition HAVING sum(n) <> 0`
