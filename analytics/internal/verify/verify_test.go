package verify_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/verify"
)

const dayMillis = 24 * 60 * 60 * 1000

// fill makes a database with 200 events of four days, three of them late, a
// duplicate, two rejected records and a gap, and returns its path.
func fill(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.MustExec(`INSERT INTO partitions (topic, partition, next_offset) VALUES ('analytics', 0, 0), ('purchases.dlq', 0, 0)`)
	w, err := store.NewWriter(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	events, letters := batch.Partition{Topic: "analytics"}, batch.Partition{Topic: "purchases.dlq"}
	for _, chunks := range [][]batch.Chunk{
		{chunk(events, 0, sales(100)...)},
		{{Partition: events, From: 100, Next: 150, Gap: true}, chunk(letters, 0, letter(1), letter(2))},
		{chunk(events, 150, sales(200)[99:]...)}, // begins with a duplicate
	} {
		if err := w.Write(chunks); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func chunk(p batch.Partition, from int64, list ...batch.Record) batch.Chunk {
	for i := range list {
		list[i].Offset = from + int64(i)
	}
	next := from + int64(len(list))
	return batch.Chunk{Partition: p, From: from, Next: next, Records: list, Last: &batch.Fingerprint{Offset: next - 1}}
}

func sales(n int) (list []batch.Record) {
	for i := range n {
		at := int64(1_000_000_000_000 + i*dayMillis/50)
		if i%70 == 60 {
			at -= 3 * dayMillis
		}
		list = append(list, batch.Record{Event: batch.Event{
			OccurredAt: at, ID: [16]byte{byte(i), byte(i >> 8)}, User: fmt.Sprint("user ", i%7), Item: fmt.Sprint("item ", i%5),
			ItemName: "A name", OrderNumber: fmt.Sprint("order ", i/3), Currency: []string{"GBP", ""}[i/3%2],
			Attributes: `{"country":"France"}`, Quantity: int64(1 + i%4 - 3*(i%9/8)*2), UnitPrice: 1_500_000, HasPrice: i%3 > 0,
		}})
		if !list[i].Event.HasPrice {
			list[i].Event.UnitPrice = 0
		}
	}
	return list
}

func letter(id byte) batch.Record {
	return batch.Record{Rejection: &batch.Rejection{ID: [16]byte{id}, Reason: "missing_user", RejectedAt: int64(id), SourceTopic: "purchases"}}
}

func run(t *testing.T, path string) verify.Report {
	t.Helper()
	db, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	done := 0
	report, err := verify.Run(t.Context(), db, func() { done++ })
	if err != nil {
		t.Fatal(err)
	}
	if done != len(verify.Checks()) || report.Checks != done {
		t.Errorf("%d checks told of, %d made, want %d", done, report.Checks, len(verify.Checks()))
	}
	return report
}

func TestAllIsRight(t *testing.T) {
	report := run(t, fill(t))
	if len(report.Differences) > 0 || report.Events != 200 || report.Rejected != 2 {
		t.Errorf("report %+v", report)
	}
}

func TestEmptyDatabaseIsRight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if report := run(t, path); len(report.Differences) > 0 {
		t.Errorf("differences %q", report.Differences)
	}
}

func TestEachDamageIsFound(t *testing.T) {
	path := fill(t)
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ damage, want string }{
		{`DELETE FROM users WHERE user_id = 3`, "references between tables: "},
		{`UPDATE partitions SET records = records + 1`, "the counts of each partition: 2 differences, such as analytics/0: 202 records, but 200 events, 1 duplicates and 0 rejected"},
		{`UPDATE partitions SET events = events + 1 WHERE partition = 0 AND topic = 'analytics'`, "the counts of partitions against the events: partition 0: +1"},
		{`DELETE FROM duplicates`, "the counts of partitions against the duplicates: analytics/0: +1"},
		{`DELETE FROM rejected WHERE offset = 1`, "the counts of partitions against the rejected records: purchases.dlq/0: +1"},
		{`UPDATE events SET offset = 7 WHERE offset = 8`, "records stored twice: analytics/0 offset 7, 2 times"},
		{`UPDATE events SET offset = 400 WHERE offset = 9`, "the stored offsets against the records: analytics/0: next offset 251, last record 250, but a record at 400"},
		{`UPDATE partitions SET last_offset = 3 WHERE topic = 'purchases.dlq'`, "the stored offsets against the records: purchases.dlq/0: next offset 2, last record 3, but a record at 1"},
		{`UPDATE gaps SET from_offset = 10`, "the stored offsets against the gaps: "},
		{`UPDATE events SET offset = 120 WHERE offset = 20`, "records inside of gaps: analytics/0 offset 120"},
		{`UPDATE totals SET revenue = revenue + 1 WHERE currency = 'GBP'`, "totals against the events: currency='GBP': revenue +1"},
		{`UPDATE sales_hourly SET returns = returns - 2 WHERE hour = (SELECT max(hour) FROM sales_hourly)`, " returns -2"},
		{`UPDATE sales_daily SET refunds = refunds + 3 WHERE day = (SELECT min(day) FROM sales_daily)`, " refunds +3"},
		{`DELETE FROM sales_by_week_hour WHERE currency = ''`, "sales_by_week_hour against the events: "},
		{`INSERT INTO order_months VALUES (2, 381)`, "order_months against the events: order_id=2 month=381: +1"},
		{`UPDATE orders SET month = NULL WHERE order_id = 2`, "order_months against the events: order_id=2 month=380: -1"},
		{`UPDATE orders_monthly SET orders = orders + 1 WHERE currency = 'GBP'`, "orders_monthly against the events: month=380 currency='GBP': orders +1 purchases +0 units_sold +0 revenue +0"},
		{`DELETE FROM item_totals WHERE item_id = 1 AND currency = ''`, "item_totals against the events: item_id=1 currency='' is missing"},
		{`INSERT INTO item_daily VALUES (1, 2, 'GBP', 0, 0, 0, 0, 0, 0)`, "item_daily against the events: day=1 item_id=2 currency='GBP' has no events"},
		{`UPDATE user_totals SET units_sold = 0`, "user_totals against the events: 14 differences, such as user_id=1 "},
		{`UPDATE attribute_totals SET refunds = 0 WHERE currency = 'GBP'`, "attribute_totals against the events: attribute_id=1 currency='GBP': refunds -"},
		{`UPDATE attribute_daily SET purchases = purchases + 1 WHERE currency = ''`, "attribute_daily against the events: "},
		{`UPDATE events SET quantity = quantity + 1 WHERE offset = 30`, "sales_hourly against the events: "},
		{`UPDATE totals SET orders = 1 WHERE currency = ''`, "the users, items and orders in totals: currency='': 7 users, 5 items and 1 orders, counted are 7, 5 and "},
		{`UPDATE item_totals SET leading = 0 WHERE item_id = 2 AND currency = ''`, "the leading items: item_id=2 currency=''"},
		{`UPDATE user_totals SET leading = 0`, "the leading users: "},
		{`UPDATE orders SET currency = 'GBP', order_number = 'order 0' WHERE order_id = 2`, "orders with one name: 2 orders 'order 0' in currency 'GBP'"},
		{`UPDATE orders SET items = '' WHERE order_id = 1`, "the items of orders against the events: "},
		{`UPDATE order_key_ranges SET through = 4`, "the keys of orders: 4 differences, such as order_id=1 has no key"},
		{`INSERT INTO order_keys VALUES (5, 1)`, "the keys of orders: order_id=1 has the key 5 in a range that ends before it"},
		{`UPDATE rejected_totals SET records = 5`, "rejected_totals against the rejected records: missing_user: +3"},
		{`UPDATE events SET event_id = x'00' WHERE offset = 30`, "identities: event 00 at partition 0 offset 30"},
		{`UPDATE duplicates SET event_id = x'00'`, "identities: duplicate at analytics/0 offset 150 of nothing"},
		{`UPDATE partitions SET watermark = watermark - 1 WHERE topic = 'analytics'`, "the watermarks of partitions: partition 0: "},
		{`DELETE FROM late_events WHERE offset = 60`, "was late and is not recorded"},
		{`INSERT INTO late_events VALUES (0, 3, x'00', 1, 1)`, "partition 0 offset 3 is recorded and was not late"},
		{`INSERT INTO users (user) VALUES ('ghost')`, "names that no event has: user 'ghost'"},
		{`INSERT INTO attributes (attribute, value) VALUES ('country', 'Nowhere')`, "names that no event has: attribute country='Nowhere'"},
		{`UPDATE items SET named_at = 5 WHERE item_id = 1`, "the times of the items' names: item 'item 0'"},
		{`UPDATE totals SET revenue = 9223372036854775807`, "totals against the events: "},
	} {
		damaged := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(damaged, original, 0o644); err != nil {
			t.Fatal(err)
		}
		change(t, damaged, test.damage)
		found := run(t, damaged).Differences
		if all := strings.Join(found, "\n"); !strings.Contains(all, test.want) {
			t.Errorf("%s:\n got %s\nwant %s", test.damage, all, test.want)
		}
		for _, line := range found {
			if strings.Contains(line, "\n") {
				t.Errorf("%s: %q is more than a line", test.damage, line)
			}
		}
	}
}

func change(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	result, err := db.Exec(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		t.Fatalf("%s changed nothing", statement)
	}
}

func TestDamagedPageIsFound(t *testing.T) {
	path := fill(t)
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	var page int64
	if err := db.Get(&page, `SELECT rootpage FROM sqlite_schema WHERE name = 'sales_hourly'`); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.WriteAt([]byte(strings.Repeat("?", 200)), (page-1)*4096); err != nil {
		t.Fatal(err)
	}
	found := strings.Join(run(t, path).Differences, "\n")
	for _, want := range []string{"SQLite's integrity check: ", "sales_hourly against the events: cannot be checked: database disk image is malformed"} {
		if !strings.Contains(found, want) {
			t.Errorf("got %s\nwant %s", found, want)
		}
	}
}

func TestIngestGoesOnMeanwhile(t *testing.T) {
	path := fill(t)
	reader, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	writer, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	n := 0
	report, err := verify.Run(t.Context(), reader, func() {
		n++
		writer.MustExec(`INSERT INTO users (user) VALUES (?)`, fmt.Sprint("new ", n)) // would be a difference in a later snapshot
	})
	if err != nil || len(report.Differences) > 0 {
		t.Errorf("report %+v, %v", report, err)
	}
}

func TestCancelled(t *testing.T) {
	db, err := database.OpenReader(fill(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	_, err = verify.Run(ctx, db, cancel)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
