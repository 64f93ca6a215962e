package query_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"purchases/analytics/internal/query"
	"purchases/analytics/internal/sqlfiles"
)

// event is one row of the small dataset whose answers are worked out by hand.
type event struct {
	at         string
	user, item string
	quantity   int
	price      any // micros, or nil
	currency   string
	order      any
	country    string
}

// events has a tie in units (A, B and C in their currencies: 10 each), both
// sides of a month's and a week's end, a price of 0.001, no price, two real
// currencies and none, and an item that only came back.
var events = []event{
	{"2011-01-31T23:30:00Z", "ann", "A", 6, 2_550_000, "GBP", "o1", "United Kingdom"},
	{"2011-02-01T00:10:00.5Z", "ann", "B", 10, 1_000, "GBP", "o1", "United Kingdom"},
	{"2011-02-01T12:00:00Z", "bob", "A", 4, 2_500_000, "GBP", "o2", "France"},
	{"2011-02-06T09:00:00Z", "bob", "A", -1, 2_500_000, "GBP", "o3", "France"}, // a Sunday
	{"2011-02-07T09:00:00Z", "cid", "C", 10, nil, "", nil, ""},
	{"2011-02-07T10:00:00Z", "cid", "A", 1, 3_000_000, "EUR", "o4", "Germany"},
	{"2011-02-07T11:00:00Z", "dee", "D", -2, 1_000_000, "GBP", nil, "United Kingdom"},
}

// openEmpty makes a database with the schema and nothing in it.
func openEmpty(t *testing.T, driver string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open(driver, filepath.Join(t.TempDir(), "analytics.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db.DB, sqlfiles.Migrations())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// openSmall makes a database with the dataset, 3 rejected records and 1 duplicate.
func openSmall(t *testing.T, driver string) *sqlx.DB {
	t.Helper()
	db := openEmpty(t, driver)
	tx := db.MustBegin()
	for offset, e := range events {
		insert(t, tx, offset, e)
	}
	for _, statement := range slices.Concat(statistics(), logs) {
		if _, err := tx.Exec(statement); err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return db
}

func insert(t *testing.T, tx *sqlx.Tx, offset int, e event) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, e.at)
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.NewSHA1(uuid.Nil, []byte(e.at))
	tx.MustExec(`INSERT INTO users (user) VALUES (?) ON CONFLICT DO NOTHING`, e.user)
	tx.MustExec(`INSERT INTO items (item) VALUES (?) ON CONFLICT DO NOTHING`, e.item)
	day := at.UnixMilli() / dayMillis
	if e.order != nil {
		tx.MustExec(`INSERT INTO orders (day, order_hash, order_number, user_id, currency, purchases, returns)
			SELECT ?1, 0, ?2, user_id, ?4, 0, 0 FROM users WHERE user = ?3 AND NOT EXISTS (
				SELECT 1 FROM orders o WHERE o.day = ?1 AND o.order_number = ?2 AND o.user_id = users.user_id AND o.currency = ?4)`,
			day, e.order, e.user, e.currency)
	}
	if e.country != "" {
		tx.MustExec(`INSERT INTO attributes (attribute, value) VALUES ('country', ?) ON CONFLICT DO NOTHING`, e.country)
		tx.MustExec(`INSERT INTO attribute_sets (attributes) VALUES (json_object('country', ?)) ON CONFLICT DO NOTHING`,
			e.country)
	}
	tx.MustExec(`INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id, quantity,
		amount_micros,
			currency, attribute_set_id, given_id, processed_at)
		VALUES (?, ?, 0, ?, (SELECT user_id FROM users WHERE user = ?), (SELECT item_id FROM items WHERE item = ?),
			(SELECT order_id FROM orders WHERE day = ? AND order_number = ?), ?, ?, ?,
			(SELECT attribute_set_id FROM attribute_sets WHERE attributes = json_object('country', ?)), NULL, 0)`,
		at.UnixMilli(), id[:], offset, e.user, e.item, day, e.order, e.quantity, e.amount(), e.currency, e.country)
}

// amount is the total of the line, negative for a return.
func (e *event) amount() any {
	if price, known := e.price.(int); known {
		return e.quantity * price
	}
	return nil
}

const dayMillis = 24 * 60 * 60 * 1000

const (
	measures = `count(*) FILTER (WHERE quantity > 0), count(*) FILTER (WHERE quantity < 0),
		sum(max(quantity, 0)), sum(max(-quantity, 0)),
		sum(max(ifnull(amount_micros, 0), 0)), sum(max(ifnull(-amount_micros, 0), 0))`
	names = "purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros"
	month = `(strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12 + strftime('%m', occurred_at / 1000, 'unixepoch') - 1`
)

// statistics fill these tables from the events.
func statistics() []string {
	const byAttribute = `events JOIN attribute_sets USING (attribute_set_id)
		JOIN attributes ON attribute = 'country' AND value = attributes ->> 'country'`
	var statements []string
	for _, r := range []struct{ table, columns, keys, from string }{
		{"stats_quarter_hour", "quarter_hour", "occurred_at / 900000", "events"},
		{"stats_day", "day", "occurred_at / 86400000", "events"},
		{"stats_item", "item_id", "item_id", "events"},
		{"stats_item_day", "day, item_id", "occurred_at / 86400000, item_id", "events"},
		{"stats_user", "user_id", "user_id", "events"},
		{"stats_attribute", "attribute_id", "attribute_id", byAttribute},
		{"stats_attribute_day", "day, attribute_id", "occurred_at / 86400000, attribute_id", byAttribute},
	} {
		statements = append(statements,
			fmt.Sprintf("INSERT INTO %s (%s, currency, %s) SELECT %s, currency, %s FROM %s GROUP BY %[4]s, currency",
				r.table, r.columns, names, r.keys, measures, r.from))
	}
	return append(statements,
		`INSERT INTO order_items (order_id, item_id, purchases)
			SELECT order_id, item_id, count(*) FROM events WHERE quantity > 0 AND order_id IS NOT NULL GROUP BY order_id,
			item_id`,
		`UPDATE orders SET purchases = (SELECT count(*) FROM events WHERE events.order_id = orders.order_id AND quantity > 0)`,
		`UPDATE stats_day SET (orders, order_purchases, order_units_sold, order_revenue_micros) =
			(SELECT count(DISTINCT order_id), count(*), ifnull(sum(quantity), 0), ifnull(sum(amount_micros), 0) FROM events
				WHERE occurred_at / 86400000 = stats_day.day AND events.currency = stats_day.currency AND quantity > 0 AND order_id
				IS NOT NULL)`,
		`UPDATE stats_item SET leading = 1 WHERE purchases > 0`,
		`UPDATE stats_user SET leading = 1 WHERE purchases > 0`,
		`INSERT INTO stats_user_month (user_id, month, purchases)
			SELECT user_id, `+month+` AS m, count(*) FROM events WHERE quantity > 0 GROUP BY user_id, m`,
		// The triggers have counted users and items.
		fmt.Sprintf(`INSERT INTO stats_total (currency, %s, orders)
			SELECT currency, %s, count(DISTINCT order_id) FILTER (WHERE quantity > 0) FROM events WHERE true GROUP BY currency
			ON CONFLICT DO UPDATE SET (%[1]s, orders) = (excluded.purchases, excluded.returns, excluded.units_sold,
				excluded.units_returned, excluded.revenue_micros, excluded.refunds_micros, excluded.orders)`, names, measures))
}

// logs are made up: they say nothing of the events above.
var logs = []string{
	`INSERT INTO order_items SELECT order_id, item_id, 1 FROM orders, items WHERE order_number = 'o1' AND day = 15006 AND
		item = 'A'`,
	`UPDATE items SET item_name = CASE item WHEN 'A' THEN 'APPLE' WHEN 'B' THEN 'BALL' WHEN 'D' THEN 'DISH' ELSE '' END`,
	`INSERT INTO duplicates (topic, partition, offset, occurred_at, event_id, conflict) VALUES
		('analytics', 0, 7, unixepoch('2011-02-06T09:00:00Z') * 1000, x'000102030405060708090a0b0c0d0e0f', 0),
		('analytics', 0, 9, unixepoch('2011-02-06T09:00:00Z') * 1000, x'000102030405060708090a0b0c0d0e0f', 1)`,
	`INSERT INTO late_events (partition, offset, event_id, occurred_at, latest_event_at) VALUES
		(0, 3, x'000102030405060708090a0b0c0d0e0f', unixepoch('2011-02-06T09:00:00Z') * 1000,
		unixepoch('2011-02-08T10:30:00Z') * 1000)`,
	`UPDATE internal_database SET database_id = 'an id'`,
	`INSERT INTO internal_topics (topic, role, cluster_id, topic_id) VALUES ('analytics', 'events', 'c', 't'),
		('purchases.dlq', 'dead_letters', 'c', 'u')`,
	`INSERT INTO internal_partitions (topic, partition, next_offset, records, events, duplicates, conflicts, rejected,
		retractions, retracted, expired)
		VALUES ('analytics', 0, 8, 12, 7, 2, 1, 0, 2, 1, 0), ('purchases.dlq', 0, 4, 4, 0, 0, 0, 3, 0, 0, 1)`,
	`UPDATE internal_partitions SET stored_at = 600090000, high_watermark = 11 WHERE topic = 'analytics'`,
	`INSERT INTO internal_minutes (minute, topic, partition, records)
		VALUES (unixepoch() / 60 - 2, 'analytics', 0, 600), (unixepoch() / 60 - 1, 'analytics', 0, 1200),
		(unixepoch() / 60, 'analytics', 0, 1200), (unixepoch() / 60 + 1, 'analytics', 0, 7)`, // the minute may end meanwhile
	`INSERT INTO rejected_causes (cause_id, topic, source_topic, reason, detail) VALUES
		(1, 'purchases.dlq', 'purchases', 'missing_user', 'user is absent or empty'),
		(2, 'purchases.dlq', 'purchases', 'invalid_json', 'the value is not a JSON object')`,
	`INSERT INTO rejected (source_partition, source_offset, record_id, cause_id, partition, offset, rejected_at) VALUES
		(0, 5, x'01010101010101010101010101010101', 1, 0, 0, 1296518400000),
		(0, 6, x'02020202020202020202020202020202', 2, 0, 1, 1296518401000),
		(1, 5, x'03030303030303030303030303030303', 1, 0, 2, 1296518402000)`,
	`INSERT INTO rejected_examples (record_id, reason, value) VALUES (x'02020202020202020202020202020202', 'invalid_json',
		CAST('[1]' AS BLOB))`,
	`INSERT INTO stats_rejected SELECT reason, count(*), min(rejected_at), max(rejected_at) FROM rejected JOIN
		rejected_causes USING (cause_id) GROUP BY reason`,
	`INSERT INTO retractions (occurred_at, event_id, partition, offset, retracted_at) VALUES
		(unixepoch('2011-02-06T09:00:00Z') * 1000, x'000102030405060708090a0b0c0d0e0f', 0, 10, 1296518402000),
		(unixepoch('2011-02-06T10:00:00Z') * 1000, x'010102030405060708090a0b0c0d0e0f', 0, 11, NULL)`,
	`INSERT INTO retracted_events (partition, offset, occurred_at, event_id) VALUES
		(0, 2, unixepoch('2011-02-06T09:00:00Z') * 1000, x'000102030405060708090a0b0c0d0e0f')`,
	`INSERT INTO gaps VALUES ('purchases.dlq', 0, 0, 9, 1296518400000)`,
	`INSERT INTO internal_replays (replay, kind, plan, result, started_at, finished_at, records, carried) VALUES
		(1, 'log', 'a plan', 'in place', 1296518400000, 1296518401500, 8, 3), (2, 'rollups', '', 'building', 1296518402000,
		NULL, 0, -1)`,
	`INSERT INTO internal_replay_partitions VALUES (1, 'analytics', 0, 3, 8), (1, 'purchases.dlq', 0, 0, 3)`,
	`INSERT INTO internal_replay_figures VALUES (1, 'events', '', 6, 7), (1, 'revenue', 'GBP', 5, 5)`,
}

// run answers the query, one line a row: values joined by "|", NULL as "-".
func run(t *testing.T, db *sqlx.DB, q query.Query, given map[string]string) []string {
	t.Helper()
	args, err := q.Bind(given)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := q.Run(t.Context(), db, args)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for row, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		var values []string
		for _, value := range row {
			if value == nil {
				value = "-"
			}
			values = append(values, fmt.Sprint(value))
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	return lines
}

// canned loads the program's own queries, which must all be right.
func canned(t *testing.T) query.Catalogue {
	t.Helper()
	catalogue, errs := query.Load(sqlfiles.Queries())
	for _, err := range errs {
		t.Error(err)
	}
	return catalogue
}
