package verify

import (
	"fmt"

	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/rollup"
)

// restChecks compare the rest. Where events were pruned, some look only at what is
// kept: the days before it have no events, or not all of them.
func restChecks(kept retention.Kept) []Check {
	since, day := kept.Since, kept.Day
	return []Check{
		{"the leading items", leading("stats_item", "item_id", "units_sold")},
		{"the leading users", leading("stats_user", "user_id", "revenue_micros")},
		{"the orders of the events", `SELECT format('partition %d offset %d is in an order of another user, currency or day',
			partition, offset)
		FROM (SELECT *, ` + rollup.Day + ` AS local_day FROM events) e JOIN orders o USING (order_id)
		WHERE e.user_id <> o.user_id OR e.currency <> o.currency OR e.local_day <> o.day`},
		{"orders with one name", `SELECT format('%d orders %Q of user_id=%d in currency %Q on day %d', count(*),
			order_number, user_id, currency, day) FROM orders
		GROUP BY day, order_hash, order_number, user_id, currency HAVING count(*) > 1`},
		{"the counts of orders against the events",
			fmt.Sprintf(`SELECT format('order_id=%%d: purchases %%+d returns %%+d', order_id, sum(p), sum(r))
		FROM (SELECT order_id, purchases AS p, returns AS r FROM orders WHERE day >= %d
			UNION ALL SELECT order_id, -(quantity > 0), -(quantity < 0) FROM events WHERE order_id IS NOT NULL AND occurred_at
			>= %d
			UNION ALL SELECT order_id, purchases, 0 FROM orders WHERE day < %[1]d
			UNION ALL SELECT order_id, -i.purchases, 0 FROM order_items i JOIN orders USING (order_id) WHERE day < %[1]d)
		GROUP BY order_id HAVING sum(p) <> 0 OR sum(r) <> 0`, day, since)},
		{"the quarters of an hour before what is kept", quarters(kept)},
		{"identities", fmt.Sprintf(`SELECT format('event %%s at partition %%d offset %%d', hex(event_id), partition, offset)
			FROM events
			WHERE length(event_id) <> 16 OR quantity = 0 OR amount_micros * sign(quantity) < 0
		UNION ALL SELECT format('rejected record at partition %%d offset %%d', partition, offset) FROM rejected WHERE
		length(record_id) <> 16
		UNION ALL SELECT format('duplicate at %%s/%%d offset %%d of nothing', topic, partition, offset) FROM duplicates
			WHERE ifnull(occurred_at >= %d, 1)
			AND event_id NOT IN (SELECT event_id FROM events UNION ALL SELECT event_id FROM retracted_events UNION ALL SELECT
			record_id FROM rejected)`, since)},
		{"events that count and are retracted",
			`SELECT format('event %s of %d', hex(event_id), occurred_at) FROM events JOIN retracted_events USING (occurred_at,
				event_id)`},
		{"retracted events without a retraction",
			`SELECT format('event %s of %d', hex(event_id), occurred_at) FROM retracted_events
		WHERE (occurred_at, event_id) NOT IN (SELECT occurred_at, event_id FROM retractions)`},
		{"events that were taken back and count",
			`SELECT format('event %s of %d', hex(e.event_id), e.occurred_at) FROM retractions r JOIN events e USING
				(occurred_at, event_id)
		WHERE e.imported_at IS NULL OR r.retracted_at IS NULL OR e.imported_at <= r.retracted_at`},
		{"the latest events of partitions",
			`SELECT format('partition %d: %s, latest event %s', partition, ifnull(mark, 'none'), ifnull(latest, 'none'))
		FROM (SELECT partition, max(latest_event_at) AS mark FROM internal_partitions GROUP BY partition)
		LEFT JOIN (SELECT partition, max(occurred_at) AS latest FROM (
			SELECT partition, occurred_at FROM events UNION ALL SELECT partition, occurred_at FROM retracted_events
			UNION ALL SELECT partition, latest_event_at FROM internal_pruned) GROUP BY partition) USING (partition)
		WHERE mark IS NOT latest`},
		{"the late events", fmt.Sprintf(lateEvents, since)},
		{"names that no event has", fmt.Sprintf(`SELECT format('user %%Q', user) FROM users
			WHERE user_id NOT IN (SELECT user_id FROM events UNION ALL SELECT user_id FROM internal_pruned_users)
		UNION ALL SELECT format('order %%Q', order_number) FROM orders
			WHERE day >= %d AND order_id NOT IN (SELECT order_id FROM events WHERE order_id IS NOT NULL)
		UNION ALL SELECT format('attributes %%s: %%+d', attributes, sum(n)) FROM (
				SELECT attribute_set_id, events AS n FROM attribute_sets
				UNION ALL SELECT attribute_set_id, -1 FROM events WHERE attribute_set_id IS NOT NULL)
			JOIN attribute_sets USING (attribute_set_id) GROUP BY attribute_set_id HAVING sum(n) <> 0
		UNION ALL SELECT format('attribute %%s=%%Q', attribute, value) FROM attributes
			WHERE (attribute, value) NOT IN (SELECT j.key, j.value FROM attribute_sets s, json_each(s.attributes) j)
			AND attribute_id NOT IN (SELECT attribute_id FROM stats_attribute_day WHERE day < %[1]d)`, day)},
		{"the times of the items' names",
			fmt.Sprintf(`SELECT format('item %%Q', item) FROM items i WHERE item_name <> '' AND named_at >= %d
		AND NOT EXISTS (SELECT 1 FROM events e WHERE e.occurred_at = i.named_at AND e.item_id = i.item_id)
		AND NOT EXISTS (SELECT 1 FROM retracted_events r WHERE r.occurred_at = i.named_at)`, since)},
		{"the causes of rejected records",
			`SELECT format('cause_id=%d', cause_id) FROM rejected_causes WHERE cause_id NOT IN (SELECT cause_id FROM rejected)
		UNION ALL SELECT format('example %s', hex(record_id)) FROM rejected_examples WHERE record_id NOT IN (SELECT record_id
		FROM rejected)`},
	}
}

// leading wants the best thousand rows to lead, or all while there are fewer.
func leading(table, id, measure string) string {
	return fmt.Sprintf(`SELECT format('%[2]s=%%d currency=%%Q', %[2]s, currency) FROM %[1]s
		WHERE leading <> (purchases > 0) AND (leading
			OR %[3]s >= ifnull((SELECT %[3]s FROM %[1]s WHERE purchases > 0 ORDER BY %[3]s DESC LIMIT 1 OFFSET 999), 0))`,
		table, id, measure)
}

// lateEvents replays each partition in the order of its offsets, as ingest
// did, with 24 hours of allowed lateness in milliseconds. Whether a kept event was
// late follows from kept ones: only an even later one can have made it late.
const lateEvents = `WITH arrived AS (
		SELECT partition, offset, event_id, occurred_at FROM events WHERE occurred_at >= %[1]d
		UNION ALL SELECT partition, offset, event_id, occurred_at FROM retracted_events WHERE occurred_at >= %[1]d),
	marked AS (
		SELECT partition, offset, event_id, occurred_at, max(occurred_at) OVER (PARTITION BY partition ORDER BY offset
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest_event_at
		FROM arrived),
	late AS (SELECT * FROM marked WHERE occurred_at < latest_event_at - 86400000)
	SELECT format('partition %%d offset %%d is recorded and was not late', partition, offset) FROM (
		SELECT * FROM late_events WHERE occurred_at >= %[1]d EXCEPT SELECT * FROM late)
	UNION ALL SELECT format('partition %%d offset %%d was late and is not recorded', partition, offset) FROM (SELECT *
	FROM late EXCEPT SELECT * FROM late_events)
	UNION ALL SELECT format('partition %%d: %%+d', partition, sum(n))
		FROM (SELECT partition, sum(late) AS n FROM internal_partitions GROUP BY partition UNION ALL SELECT partition,
		-count(*) FROM late_events GROUP BY partition)
		GROUP BY partition HAVING sum(n) <> 0`
