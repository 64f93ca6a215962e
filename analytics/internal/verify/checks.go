package verify

import (
	"fmt"
	"slices"
	"strings"

	"purchases/analytics/internal/rollup"
)

// Check is a question to the database.
type Check struct {
	Name string // of what is compared
	// SQL returns one column of text, a row for each difference.
	SQL string
}

// Checks lists all checks in SQL, the most important first.
func Checks() []Check {
	checks := []Check{
		{"SQLite's integrity check", `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`},
		{"references between tables", `SELECT "table" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check`},
	}
	checks = append(checks, partitionChecks...)
	for _, s := range rollup.Statistics() {
		checks = append(checks, Check{s.Table + " against what it sums up", against(s)})
	}
	return append(checks, restChecks...)
}

// stored are the places of all records. Events and what takes them back do not
// name their topic, as there is one.
const stored = `WITH log AS (SELECT min(topic) AS topic FROM internal_partitions WHERE events + retractions + retracted > 0),
	stored AS (
		SELECT log.topic, partition, offset FROM log CROSS JOIN events
		UNION ALL SELECT log.topic, partition, offset FROM log CROSS JOIN retractions
		UNION ALL SELECT log.topic, partition, offset FROM log CROSS JOIN retracted_events
		UNION ALL SELECT topic, partition, offset FROM duplicates
		UNION ALL SELECT topic, partition, offset FROM expired
		UNION ALL SELECT topic, partition, offset FROM rejected JOIN rejected_causes USING (cause_id)) `

var partitionChecks = []Check{
	{"the counts of each partition", `SELECT format('%s/%d: %d records, but %d events, %d duplicates, %d rejected, %d retractions, %d retracted and %d expired',
			topic, partition, records, events, duplicates, rejected, retractions, retracted, expired)
		FROM internal_partitions WHERE records <> events + duplicates + rejected + retractions + retracted + expired
			OR conflicts > duplicates OR late > events + retracted
			OR min(events, duplicates, conflicts, rejected, late, retractions, retracted, expired) < 0`},
	{"the counts of partitions against the events", countsAgainst("events", `SELECT partition, count(*) AS n FROM events GROUP BY partition`)},
	{"the counts of partitions against the retractions", countsAgainst("retractions", `SELECT partition, count(*) AS n FROM retractions GROUP BY partition`)},
	{"the counts of partitions against the retracted events", countsAgainst("retracted", `SELECT partition, count(*) AS n FROM retracted_events GROUP BY partition`)},
	{"the counts of partitions against the duplicates", countsOfTopics("duplicates", `SELECT topic, partition, 1 AS n FROM duplicates`)},
	{"the counts of partitions against the conflicts", countsOfTopics("conflicts", `SELECT topic, partition, conflict AS n FROM duplicates`)},
	{"the counts of partitions against the rejected records", countsOfTopics("rejected",
		`SELECT topic, partition, 1 AS n FROM rejected JOIN rejected_causes USING (cause_id)`)},
	{"the counts of partitions against the letters of expired offsets", countsOfTopics("expired",
		`SELECT topic, partition, 1 AS n FROM expired`)},
	{"records stored twice", stored + `SELECT format('%s/%d offset %d, %d times', topic, partition, offset, count(*))
		FROM stored GROUP BY topic, partition, offset HAVING count(*) > 1`},
	{"the stored offsets against the records", stored + `, last AS (SELECT topic, partition, max(offset) AS offset FROM stored GROUP BY topic, partition)
		SELECT format('%s/%d: next offset %d, last record %s, but a record at %d', topic, partition, next_offset, ifnull(last_offset, 'unknown'), offset)
		FROM internal_partitions JOIN last USING (topic, partition)
		WHERE offset >= next_offset OR last_offset <> offset`},
	{"the stored offsets against the gaps", `SELECT format('%s/%d: next offset %d, but %d records and %d missing offsets', topic, partition, next_offset, records, missing)
		FROM internal_partitions p JOIN (
			SELECT topic, partition, sum(to_offset - from_offset + 1) AS missing, max(to_offset) AS last FROM gaps GROUP BY topic, partition) g
			USING (topic, partition)
		WHERE records + missing > next_offset OR g.last >= next_offset
		UNION ALL SELECT format('%s/%d: next offset %d, but %d records', topic, partition, next_offset, records)
			FROM internal_partitions WHERE records > next_offset`},
	{"records inside gaps", stored + `SELECT format('%s/%d offset %d', g.topic, g.partition, s.offset)
		FROM gaps g JOIN stored s ON s.topic = g.topic AND s.partition = g.partition AND s.offset BETWEEN g.from_offset AND g.to_offset`},
}

// countsAgainst compares a count of each partition, of all topics, with rows of
// the events' topic.
func countsAgainst(column, rows string) string {
	return fmt.Sprintf(`SELECT format('partition %%d: %%+d', partition, sum(n))
		FROM (SELECT partition, sum(%s) AS n FROM internal_partitions GROUP BY partition
			UNION ALL SELECT partition, -n FROM (%s))
		GROUP BY partition HAVING sum(n) <> 0`, column, rows)
}

// countsOfTopics compares a count of each partition with rows that name their topic.
func countsOfTopics(column, rows string) string {
	return fmt.Sprintf(`SELECT format('%%s/%%d: %%+d', topic, partition, sum(n))
		FROM (SELECT topic, partition, %s AS n FROM internal_partitions
			UNION ALL SELECT topic, partition, -n FROM (%s))
		GROUP BY topic, partition HAVING sum(n) <> 0`, column, rows)
}

// against takes the recomputed rows from the stored ones: what is left differs,
// by that much. The events are read once.
func against(s rollup.Statistic) string {
	keys, columns := strings.Join(s.Keys, ", "), strings.Join(s.Columns(), ", ")
	var label, negative, differs, amounts []string
	for _, k := range s.Keys {
		label = append(label, fmt.Sprintf("'%s=' || quote(%s)", k, k))
	}
	for _, v := range s.Values {
		negative = append(negative, "-"+v)
		if !slices.Contains(s.Loose, v) {
			differs = append(differs, fmt.Sprintf("sum(%s) <> 0", v))
			amounts = append(amounts, fmt.Sprintf("iif(sum(%s) <> 0, format(' %s %%+d', sum(%[1]s)), '')", v, v))
		}
	}
	return fmt.Sprintf(`WITH computed(%[1]s) AS (%[2]s)
		SELECT %[3]s || CASE sum(rows) WHEN 1 THEN ' has no events' WHEN -1 THEN ' is missing' ELSE ':' || %[4]s END
		FROM (SELECT 1 AS rows, %[1]s FROM %[5]s UNION ALL SELECT -1, %[6]s, %[7]s FROM computed)
		GROUP BY %[6]s HAVING sum(rows) <> 0 OR %[8]s`,
		columns, s.SQL, strings.Join(label, " || ' ' || "), strings.Join(amounts, " || "), s.Table, keys,
		strings.Join(negative, ", "), strings.Join(differs, " OR "))
}

var restChecks = []Check{
	{"the leading items", leading("stats_item", "item_id", "units_sold")},
	{"the leading users", leading("stats_user", "user_id", "revenue_micros")},
	{"the orders of the events", `SELECT format('partition %d offset %d is in an order of another user, currency or day', partition, offset)
		FROM (SELECT *, ` + rollup.Day + ` AS local_day FROM events) e JOIN orders o USING (order_id)
		WHERE e.user_id <> o.user_id OR e.currency <> o.currency OR e.local_day <> o.day`},
	{"orders with one name", `SELECT format('%d orders %Q of user_id=%d in currency %Q on day %d', count(*), order_number, user_id, currency, day) FROM orders
		GROUP BY day, order_hash, order_number, user_id, currency HAVING count(*) > 1`},
	{"the counts of orders against the events", `SELECT format('order_id=%d: purchases %+d returns %+d', order_id, sum(p), sum(r))
		FROM (SELECT order_id, purchases AS p, returns AS r FROM orders
			UNION ALL SELECT order_id, -(quantity > 0), -(quantity < 0) FROM events WHERE order_id IS NOT NULL)
		GROUP BY order_id HAVING sum(p) <> 0 OR sum(r) <> 0`},
	{"identities", `SELECT format('event %s at partition %d offset %d', hex(event_id), partition, offset) FROM events
			WHERE length(event_id) <> 16 OR quantity = 0 OR amount_micros * sign(quantity) < 0
		UNION ALL SELECT format('rejected record at partition %d offset %d', partition, offset) FROM rejected WHERE length(record_id) <> 16
		UNION ALL SELECT format('duplicate at %s/%d offset %d of nothing', topic, partition, offset) FROM duplicates
			WHERE event_id NOT IN (SELECT event_id FROM events UNION ALL SELECT event_id FROM retracted_events UNION ALL SELECT record_id FROM rejected)`},
	{"events that count and are retracted", `SELECT format('event %s of %d', hex(event_id), occurred_at) FROM events JOIN retracted_events USING (occurred_at, event_id)`},
	{"retracted events without a retraction", `SELECT format('event %s of %d', hex(event_id), occurred_at) FROM retracted_events
		WHERE (occurred_at, event_id) NOT IN (SELECT occurred_at, event_id FROM retractions)`},
	{"events that were taken back and count", `SELECT format('event %s of %d', hex(e.event_id), e.occurred_at) FROM retractions r JOIN events e USING (occurred_at, event_id)
		WHERE e.imported_at IS NULL OR r.retracted_at IS NULL OR e.imported_at <= r.retracted_at`},
	{"the latest events of partitions", `SELECT format('partition %d: %s, latest event %s', partition, ifnull(mark, 'none'), ifnull(latest, 'none'))
		FROM (SELECT partition, max(latest_event_at) AS mark FROM internal_partitions GROUP BY partition)
		LEFT JOIN (SELECT partition, max(occurred_at) AS latest FROM (
			SELECT partition, occurred_at FROM events UNION ALL SELECT partition, occurred_at FROM retracted_events) GROUP BY partition) USING (partition)
		WHERE mark IS NOT latest`},
	{"the late events", lateEvents},
	{"names that no event has", `SELECT format('user %Q', user) FROM users WHERE user_id NOT IN (SELECT user_id FROM events)
		UNION ALL SELECT format('order %Q', order_number) FROM orders WHERE order_id NOT IN (SELECT order_id FROM events WHERE order_id IS NOT NULL)
		UNION ALL SELECT format('attributes %s: %+d', attributes, sum(n)) FROM (
				SELECT attribute_set_id, events AS n FROM attribute_sets
				UNION ALL SELECT attribute_set_id, -1 FROM events WHERE attribute_set_id IS NOT NULL)
			JOIN attribute_sets USING (attribute_set_id) GROUP BY attribute_set_id HAVING sum(n) <> 0
		UNION ALL SELECT format('attribute %s=%Q', attribute, value) FROM attributes
			WHERE (attribute, value) NOT IN (SELECT j.key, j.value FROM attribute_sets s, json_each(s.attributes) j)`},
	{"the times of the items' names", `SELECT format('item %Q', item) FROM items i WHERE item_name <> ''
		AND NOT EXISTS (SELECT 1 FROM events e WHERE e.occurred_at = i.named_at AND e.item_id = i.item_id)
		AND NOT EXISTS (SELECT 1 FROM retracted_events r WHERE r.occurred_at = i.named_at)`},
	{"the causes of rejected records", `SELECT format('cause_id=%d', cause_id) FROM rejected_causes WHERE cause_id NOT IN (SELECT cause_id FROM rejected)
		UNION ALL SELECT format('example %s', hex(record_id)) FROM rejected_examples WHERE record_id NOT IN (SELECT record_id FROM rejected)`},
}

// leading wants the best thousand rows to lead, or all while there are fewer.
func leading(table, id, measure string) string {
	return fmt.Sprintf(`SELECT format('%[2]s=%%d currency=%%Q', %[2]s, currency) FROM %[1]s
		WHERE leading <> (purchases > 0) AND (leading
			OR %[3]s >= ifnull((SELECT %[3]s FROM %[1]s WHERE purchases > 0 ORDER BY %[3]s DESC LIMIT 1 OFFSET 999), 0))`, table, id, measure)
}

// lateEvents replays each partition in the order of its offsets, as ingest
// did, with 24 hours of allowed lateness in milliseconds.
const lateEvents = `WITH arrived AS (
		SELECT partition, offset, event_id, occurred_at FROM events
		UNION ALL SELECT partition, offset, event_id, occurred_at FROM retracted_events),
	marked AS (
		SELECT partition, offset, event_id, occurred_at, max(occurred_at) OVER (PARTITION BY partition ORDER BY offset
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest_event_at
		FROM arrived),
	late AS (SELECT * FROM marked WHERE occurred_at < latest_event_at - 86400000)
	SELECT format('partition %d offset %d is recorded and was not late', partition, offset) FROM (SELECT * FROM late_events EXCEPT SELECT * FROM late)
	UNION ALL SELECT format('partition %d offset %d was late and is not recorded', partition, offset) FROM (SELECT * FROM late EXCEPT SELECT * FROM late_events)
	UNION ALL SELECT format('partition %d: %+d', partition, sum(n))
		FROM (SELECT partition, sum(late) AS n FROM internal_partitions GROUP BY partition UNION ALL SELECT partition, -count(*) FROM late_events GROUP BY partition)
		GROUP BY partition HAVING sum(n) <> 0`
