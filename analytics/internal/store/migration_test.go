package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/sqlfiles"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/verify"
)

// filledBefore makes a database of the schema's version 4 with 9,000 events of
// 3,000 orders by 1,500 users, and their statistics.
func filledBefore(t *testing.T, path string) {
	t.Helper()
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	upTo(t, db, 4)
	const numbers = `WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n LIMIT %d) `
	db.MustExec(`INSERT INTO partitions (topic, partition, next_offset, records, events, watermark) VALUES ('analytics', 0, 9000, 9000, 9000, 8999000)`)
	db.MustExec(fmt.Sprintf(numbers, 1500) + `INSERT INTO users (user_id, user) SELECT n + 1, 'u' || n FROM n`)
	db.MustExec(fmt.Sprintf(numbers, 70) + `INSERT INTO items (item_id, item) SELECT n + 1, 'i' || n FROM n`)
	db.MustExec(fmt.Sprintf(numbers, 3000) + `INSERT INTO orders (order_id, order_number, currency) SELECT n + 1, 'o' || n, 'GBP' FROM n`)
	db.MustExec(fmt.Sprintf(numbers, 9000) + `INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, order_id, quantity, unit_price, currency, processed_at)
		SELECT n * 1000, randomblob(16), 0, n, 1 + n / 6, 1 + n % 70, 1 + n / 3, 1 + n % 7 - 10 * (n % 11 = 0), 1000 * (n % 501), 'GBP', 0 FROM n`)
	for _, r := range slices.Backward(rollup.Rollups) { // the triggers on the others have counted in the totals
		if r.Table == "sales_daily" || r.Table == "sales_by_week_hour" {
			continue // of a later version
		}
		columns := slices.Concat(r.Keys, rollup.Measures)
		db.MustExec(`INSERT INTO ` + r.Table + ` (` + strings.Join(columns, ", ") + `) SELECT ` + strings.Join(slices.Concat(r.From, rollup.Sums), ", ") +
			` FROM events` + r.Join + ` WHERE true GROUP BY ` + strings.Join(r.From, ", ") +
			` ON CONFLICT DO UPDATE SET (` + strings.Join(rollup.Measures, ", ") + `) = (excluded.` + strings.Join(rollup.Measures, ", excluded.") + `)`)
	}
	db.MustExec(`UPDATE totals SET orders = 3000`)
	db.MustExec(`INSERT INTO partitions (topic, partition, next_offset, records, rejected) VALUES ('purchases.dlq', 0, 5, 5, 5)`)
	db.MustExec(fmt.Sprintf(numbers, 5) + `INSERT INTO rejected SELECT 'purchases.dlq', 0, n, randomblob(16), 'missing_user', 'd', 7, 'purchases', 0, n, x'7b' FROM n`)
	db.MustExec(`INSERT INTO rejected_totals VALUES ('missing_user', 5, 7, 7)`)
	db.MustExec(`INSERT INTO user_months SELECT DISTINCT user_id, 0 FROM events WHERE quantity > 0`)
}

func TestDatabaseFromBeforeGoesOn(t *testing.T) {
	for _, version := range []int64{4, 7} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) { goesOn(t, version) })
	}
}

func goesOn(t *testing.T, version int64) {
	path := filepath.Join(t.TempDir(), "analytics.db")
	filledBefore(t, path)
	if version == 7 {
		indexedBefore(t, path)
	}
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	wantRight(t, db)
	if n := get[int](t, db, `SELECT count(*) FROM user_totals WHERE leading`); n != rollup.Leaders {
		t.Errorf("%d users lead, want %d", n, rollup.Leaders)
	}
	w := newWriter(t, db)
	write(t, w, chunk(events, 9000,
		sale(1, func(e *store.Event) { e.OrderNumber, e.Item = "o17", "i69" }),
		sale(2, func(e *store.Event) { e.OrderNumber = "new" })))
	wantRight(t, db)
	if got := get[string](t, db, `SELECT items FROM orders WHERE order_number = 'o17'`); got != "52,53,54,70" {
		t.Errorf("items of a stored order: %s", got)
	}
	if got := get[int](t, db, `SELECT count(*) FROM orders`); got != 3001 {
		t.Errorf("%d orders, want 3001", got)
	}
}

// indexedBefore takes the database to version 7, whose keys of orders were
// other ones.
func indexedBefore(t *testing.T, path string) {
	t.Helper()
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	upTo(t, db, 7)
	if got := get[string](t, &database.Database{DB: db}, `SELECT items FROM orders WHERE order_number = 'o17'`); got != "[52,53,54]" {
		t.Fatalf("items in version 7: %s", got)
	}
	db.MustExec(`INSERT INTO order_keys SELECT order_id << 30, order_id FROM orders`)
	db.MustExec(`INSERT INTO displaced_orders SELECT order_id, order_key FROM order_keys WHERE order_id = 18`)
	db.MustExec(`WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n LIMIT 256) INSERT INTO order_key_ranges SELECT n, 3000 FROM n`)
}

func upTo(t *testing.T, db *sqlx.DB, version int64) {
	t.Helper()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db.DB, sqlfiles.Migrations())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func wantRight(t *testing.T, db *database.Database) {
	t.Helper()
	for _, check := range verify.Checks() {
		if difference, err := check.Find(t.Context(), db); err != nil || difference != "" {
			t.Errorf("%s %v", difference, err)
		}
	}
}
