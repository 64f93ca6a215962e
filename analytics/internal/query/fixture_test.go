package query_test

import (
	"fmt"
	"path/filepath"
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
	for _, rollup := range rollups() {
		tx.MustExec(rollup)
	}
	tx.MustExec(`UPDATE stats_item SET leading = 1 WHERE purchases > 0`)
	tx.MustExec(`UPDATE stats_user SET leading = 1 WHERE purchases > 0`)
	tx.MustExec(`UPDATE orders SET items = (SELECT ifnull(group_concat(DISTINCT item_id), '') FROM events
		WHERE events.order_id = orders.order_id AND quantity > 0)`)
	tx.MustExec(`INSERT INTO stats_user_month SELECT DISTINCT user_id, (strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12
		+ strftime('%m', occurred_at / 1000, 'unixepoch') - 1 FROM events WHERE quantity > 0`)
	tx.MustExec(`INSERT INTO orders_monthly SELECT (strftime('%Y', occurred_at / 1000, 'unixepoch') - 1970) * 12
		+ strftime('%m', occurred_at / 1000, 'unixepoch') - 1 AS m, currency, count(DISTINCT order_id), count(*), sum(quantity),
		sum(quantity * ifnull(unit_price, 0)) FROM events WHERE quantity > 0 AND order_id IS NOT NULL GROUP BY m, currency`)
	tx.MustExec(`INSERT INTO duplicates VALUES ('analytics', 0, 7, x'000102030405060708090a0b0c0d0e0f')`)
	tx.MustExec(`INSERT INTO late_events VALUES (0, 3, x'000102030405060708090a0b0c0d0e0f', unixepoch('2011-02-06T09:00:00Z') * 1000, unixepoch('2011-02-08T10:30:00Z') * 1000)`)
	tx.MustExec(`INSERT INTO items (item, item_name) VALUES ('A', 'APPLE'), ('B', 'BALL'), ('D', 'DISH')
		ON CONFLICT DO UPDATE SET item_name = excluded.item_name`)
	tx.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset, records, events, duplicates, rejected)
		VALUES ('analytics', 0, 8, 8, 7, 1, 0), ('purchases.dlq', 0, 3, 3, 0, 0, 3)`)
	tx.MustExec(`UPDATE internal_partitions SET stored_at = 600090000, high_watermark = 11 WHERE topic = 'analytics'`)
	tx.MustExec(`INSERT INTO internal_minutes VALUES (9999, 'analytics', 0, 1000), (9999, 'purchases.dlq', 0, 3), (10000, 'analytics', 0, 1796), (10001, 'analytics', 0, 4)`)
	tx.MustExec(`INSERT INTO rejected VALUES
		('purchases.dlq', 0, 0, x'01', 'missing_user', 'user is absent or empty', 1296518400000, 'purchases', 0, 5, NULL),
		('purchases.dlq', 0, 1, x'02', 'invalid_json', 'the value is not a JSON object', 1296518401000, 'purchases', 0, 6, x'00'),
		('purchases.dlq', 0, 2, x'03', 'missing_user', 'user is absent or empty', 1296518402000, 'purchases', 1, 5, NULL)`)
	tx.MustExec(`INSERT INTO gaps VALUES ('purchases.dlq', 0, 0, 9, 1296518400000)`)
	tx.MustExec(`INSERT INTO internal_replays VALUES (1, 'log', 'a plan', 'in place', 1296518400000, 1296518401500, 8, 3), (2, 'rollups', '', 'building', 1296518402000, NULL, 0, -1)`)
	tx.MustExec(`INSERT INTO internal_replay_partitions VALUES (1, 'analytics', 0, 3, 8), (1, 'purchases.dlq', 0, 0, 3)`)
	tx.MustExec(`INSERT INTO internal_replay_figures VALUES (1, 'events', '', 6, 7), (1, 'revenue', 'GBP', 5, 5)`)
	tx.MustExec(`INSERT INTO stats_rejected SELECT reason, count(*), min(rejected_at), max(rejected_at) FROM rejected GROUP BY reason`)
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
	if e.order != nil {
		tx.MustExec(`INSERT INTO orders (order_number, currency, items) SELECT ?1, ?2, ''
			WHERE NOT EXISTS (SELECT 1 FROM orders WHERE order_number = ?1 AND currency = ?2)`, e.order, e.currency)
	}
	if e.country != "" {
		tx.MustExec(`INSERT INTO attributes (attribute, value) VALUES ('country', ?) ON CONFLICT DO NOTHING`, e.country)
		tx.MustExec(`INSERT INTO attribute_sets (attributes) VALUES (json_object('country', ?)) ON CONFLICT DO NOTHING`, e.country)
	}
	tx.MustExec(`INSERT INTO events VALUES (?, ?, 0, ?,
			(SELECT user_id FROM users WHERE user = ?), (SELECT item_id FROM items WHERE item = ?),
			(SELECT order_id FROM orders WHERE order_number = ? AND currency = ?), ?, ?, ?,
			(SELECT attribute_set_id FROM attribute_sets WHERE attributes = json_object('country', ?)), 0)`,
		at.UnixMilli(), id[:], offset, e.user, e.item, e.order, e.currency, e.quantity, e.price, e.currency, e.country)
}

// rollups fill the statistics from the events.
func rollups() []string {
	const measures = `count(*) FILTER (WHERE quantity > 0), count(*) FILTER (WHERE quantity < 0),
		sum(max(quantity, 0)), sum(max(-quantity, 0)),
		sum(max(quantity, 0) * ifnull(unit_price, 0)), sum(max(-quantity, 0) * ifnull(unit_price, 0))`
	const names = "purchases, returns, units_sold, units_returned, revenue, refunds"
	const byAttribute = `events JOIN attribute_sets USING (attribute_set_id)
		JOIN attributes ON attribute = 'country' AND value = attributes ->> 'country'`
	var statements []string
	for _, r := range []struct{ table, columns, keys, from string }{
		{"sales_hourly", "hour", "occurred_at / 3600000", "events"},
		{"sales_daily", "day", "occurred_at / 86400000", "events"},
		{"sales_by_week_hour", "week_hour", "(occurred_at / 3600000 + 72) % 168", "events"},
		{"item_totals", "item_id", "item_id", "events"},
		{"item_daily", "day, item_id", "occurred_at / 86400000, item_id", "events"},
		{"user_totals", "user_id", "user_id", "events"},
		{"attribute_totals", "attribute_id", "attribute_id", byAttribute},
		{"attribute_daily", "day, attribute_id", "occurred_at / 86400000, attribute_id", byAttribute},
	} {
		statements = append(statements, fmt.Sprintf("INSERT INTO %s (%s, currency, %s) SELECT %s, currency, %s FROM %s GROUP BY %[4]s, currency",
			r.table, r.columns, names, r.keys, measures, r.from))
	}
	// The triggers have counted users and items.
	return append(statements, fmt.Sprintf(`INSERT INTO stats_total (currency, %s, orders) SELECT currency, %s, count(DISTINCT order_id)
		FROM events WHERE true GROUP BY currency
		ON CONFLICT DO UPDATE SET (%[1]s, orders) = (excluded.purchases, excluded.returns, excluded.units_sold,
			excluded.units_returned, excluded.revenue, excluded.refunds, excluded.orders)`, names, measures))
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
