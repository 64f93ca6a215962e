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
	db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES ('analytics', 0, 0),
		('purchases.dlq', 0, 0)`)
	w, err := store.NewWriter(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	events, letters := batch.Partition{Topic: "analytics"}, batch.Partition{Topic: "purchases.dlq"}
	for _, chunks := range [][]batch.Chunk{
		{chunk(events, 0, sales(100)...)},
		{{Partition: events, From: 100, Next: 150, Gap: true},
			chunk(letters, 0, letter(1), letter(2), expired(0, 9), expired(20, 9))},
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
			Identity: batch.Identity{OccurredAt: at, ID: [16]byte{byte(i), byte(i >> 8)}}, User: fmt.Sprint("user ", i%7),
			Item:     fmt.Sprint("item ", i%5),
			ItemName: "A name", OrderNumber: fmt.Sprint("order ", i/3), Currency: []string{"GBP", ""}[i/3%2],
			Attributes: `{"country":"France"}`, Quantity: int64(1 + i%4 - 3*(i%9/8)*2), HasAmount: i%3 > 0,
		}})
		if e := &list[i].Event; e.HasAmount {
			e.Amount = e.Quantity * 1_500_000
		}
	}
	return list
}

func letter(id byte) batch.Record {
	return batch.Record{Rejection: &batch.Rejection{
		RecordID: [16]byte{id}, Reason: "missing_user", Detail: "user is empty", RejectedAt: int64(id),
		Source: batch.Source{Topic: "purchases", Offset: int64(id)}, Value: []byte(`{"item":"A"}`),
	}}
}

// expired is a letter of so many offsets, of which letter has processed some.
func expired(from, offsets int64) batch.Record {
	return batch.Record{Expired: &batch.Expired{Source: batch.Source{Topic: "purchases", Offset: from}, Offsets: offsets,
		RecordedAt: from + 5}}
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
	if done != verify.Count() || report.Checks != done {
		t.Errorf("%d checks told of, %d made, want %d", done, report.Checks, verify.Count())
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
		{`UPDATE internal_partitions SET records = records + 1`,
			"the counts of each partition: 2 differences, such as analytics/0: 202 records, but 200 events, 1 duplicates, 0 " +
				"rejected, "},
		{`UPDATE internal_partitions SET events = events + 1 WHERE partition = 0 AND topic = 'analytics'`,
			"the counts of partitions against the events: partition 0: +1"},
		{`DELETE FROM duplicates`, "the counts of partitions against the duplicates: analytics/0: +1"},
		{`UPDATE duplicates SET conflict = 1`, "the counts of partitions against the conflicts: analytics/0: -1"},
		{`DELETE FROM rejected WHERE offset = 1`,
			"the counts of partitions against the rejected records: purchases.dlq/0: +1"},
		{`INSERT INTO retractions VALUES (1, x'00', 0, 3, NULL)`,
			"the counts of partitions against the retractions: partition 0: -1"},
		{`INSERT INTO retracted_events VALUES (1, x'00', 0, 3)`, "retracted events without a retraction: event 00 of 1"},
		{`INSERT INTO retractions SELECT occurred_at, event_id, 0, 900, NULL FROM events WHERE offset = 3`,
			"events that were taken back and count: event "},
		{`UPDATE events SET offset = 7 WHERE offset = 8`, "records stored twice: analytics/0 offset 7, 2 times"},
		{`UPDATE events SET offset = 400 WHERE offset = 9`,
			"the stored offsets against the records: analytics/0: next offset 251, last record 250, but a record at 400"},
		{`UPDATE internal_partitions SET last_offset = 2 WHERE topic = 'purchases.dlq'`,
			"the stored offsets against the records: purchases.dlq/0: next offset 4, last record 2, but a record at 3"},
		{`UPDATE gaps SET from_offset = 10 WHERE topic = 'analytics'`, "the stored offsets against the gaps: "},
		{`DELETE FROM expired WHERE from_offset = 20`,
			"the counts of partitions against the letters of expired offsets: purchases.dlq/0: +1"},
		{`UPDATE gaps SET to_offset = 7 WHERE from_offset = 3`,
			"the gaps before the processor: purchases/0 has 2, the first from 3 to 7 recorded at 5, but the letters and the " +
				"results say 2, the first from 3 to 8 recorded at 5"},
		{`DELETE FROM gaps WHERE topic = 'purchases'`, "the gaps before the processor: purchases/0 has none, but "},
		{`INSERT INTO gaps VALUES ('other', 0, 1, 2, 3)`,
			"the gaps before the processor: other/0 has 1, the first from 1 to 2 recorded at 3, but the letters and the " +
				"results say none"},
		{`DELETE FROM internal_sources`, "the gaps before the processor: purchases/0 has 2, "},
		{`UPDATE events SET offset = 120 WHERE offset = 20`, "records inside gaps: analytics/0 offset 120"},
		{`UPDATE stats_total SET revenue_micros = revenue_micros + 1 WHERE currency = 'GBP'`,
			"stats_total against what it sums up: currency='GBP': revenue_micros +1"},
		{`UPDATE stats_total SET orders = 1 WHERE currency = ''`,
			"stats_total against what it sums up: currency='': orders -"},
		{`UPDATE stats_quarter_hour SET returns = returns - 2 WHERE quarter_hour = (SELECT max(quarter_hour) FROM
			stats_quarter_hour)`, " returns -2"},
		{`UPDATE stats_day SET refunds_micros = refunds_micros + 3 WHERE day = (SELECT min(day) FROM stats_day)`,
			" refunds_micros +3"},
		{`UPDATE stats_day SET order_units_sold = order_units_sold + 3 WHERE day = (SELECT min(day) FROM stats_day)`,
			" order_units_sold +3"},
		{`DELETE FROM stats_item WHERE item_id = 1 AND currency = ''`,
			"stats_item against what it sums up: item_id=1 currency='' is missing"},
		{`INSERT INTO stats_item_day VALUES (1, 2, 'GBP', 0, 0, 0, 0, 0, 0)`,
			"stats_item_day against what it sums up: day=1 item_id=2 currency='GBP' has no events"},
		{`UPDATE stats_user SET units_sold = 0`, "stats_user against what it sums up: 14 differences, such as user_id=1 "},
		{`UPDATE stats_attribute SET refunds_micros = 0 WHERE currency = 'GBP'`,
			"stats_attribute against what it sums up: attribute_id=1 currency='GBP': refunds_micros -"},
		{`UPDATE stats_attribute_day SET purchases = purchases + 1 WHERE currency = ''`,
			"stats_attribute_day against what it sums up: "},
		{`UPDATE stats_user_month SET purchases = purchases + 1 WHERE user_id = 1`,
			"stats_user_month against what it sums up: user_id=1 month=380: purchases +1"},
		{`UPDATE stats_cohort SET users = users + 1`,
			"stats_cohort against what it sums up: first_month=380 month=380: users +1"},
		{`UPDATE order_items SET purchases = 9 WHERE order_id = 1`, "order_items against what it sums up: "},
		{`UPDATE events SET quantity = quantity + 1 WHERE offset = 30`, "stats_quarter_hour against what it sums up: "},
		{`UPDATE stats_item SET leading = 0 WHERE item_id = 2 AND currency = ''`, "the leading items: item_id=2 currency=''"},
		{`UPDATE stats_user SET leading = 0`, "the leading users: "},
		{`UPDATE orders SET currency = 'EUR' WHERE order_id = 2`, "the orders of the events: "},
		{`UPDATE orders SET day = day + 1 WHERE order_id = 2`, "the orders of the events: "},
		{`UPDATE orders SET purchases = purchases + 1 WHERE order_id = 1`,
			"the counts of orders against the events: order_id=1: purchases +1 returns +0"},
		{`UPDATE stats_rejected SET records = 5`,
			"stats_rejected against what it sums up: reason='missing_user': records +3"},
		{`UPDATE events SET event_id = x'00' WHERE offset = 30`, "identities: event 00 at partition 0 offset 30"},
		{`UPDATE duplicates SET event_id = x'00'`, "identities: duplicate at analytics/0 offset 150 of nothing"},
		{`UPDATE internal_partitions SET latest_event_at = latest_event_at - 1 WHERE topic = 'analytics'`,
			"the latest events of partitions: partition 0: "},
		{`UPDATE internal_partitions SET checksum = checksum + 1 WHERE topic = 'analytics'`,
			"checksums: the rows of 1 partitions are not the ones that were stored, such as analytics/0"},
		{`DELETE FROM late_events WHERE offset = 60`, "was late and is not recorded"},
		{`INSERT INTO late_events VALUES (0, 3, x'00', 1, 1)`, "partition 0 offset 3 is recorded and was not late"},
		{`INSERT INTO users (user) VALUES ('ghost')`, "names that no event has: user 'ghost'"},
		{`INSERT INTO attributes (attribute, value) VALUES ('country', 'Nowhere')`,
			"names that no event has: attribute country='Nowhere'"},
		{`UPDATE items SET named_at = 5 WHERE item_id = 1`, "the times of the items' names: item 'item 0'"},
		{`UPDATE stats_total SET revenue_micros = 9223372036854775807`, "stats_total against what it sums up: "},
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
	if err := db.Get(&page, `SELECT rootpage FROM sqlite_schema WHERE name = 'stats_quarter_hour'`); err != nil {
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
	for _, want := range []string{"SQLite's integrity check: ",
		"stats_quarter_hour against what it sums up: cannot be checked: database disk image is malformed"} {
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
		// would be a difference in a later snapshot
		writer.MustExec(`INSERT INTO users (user) VALUES (?)`, fmt.Sprint("new ", n))
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
