package store

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/verify"
)

// crowded gives few keys to many orders, some at the end of a range and some
// at the end of all.
func crowded(k orderKey) orderKey {
	return []orderKey{1<<(keyBits-rangeBits) - 1, 1<<keyBits - 1, 7, 8}[k%4]
}

// few keeps almost no order in memory only.
var few = orderSettings{crowd: crowded, recent: 3}

// fresh makes databases with one partition and nothing in it.
func fresh(t *testing.T) func() *database.Database {
	t.Helper()
	open := func(path string) *database.Database {
		db, err := database.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	folder := t.TempDir()
	first := open(filepath.Join(folder, "first.db"))
	first.MustExec(`INSERT INTO partitions (topic, partition, next_offset) VALUES ('analytics', 0, 0)`)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(first.Path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	return func() *database.Database {
		n++
		path := filepath.Join(folder, fmt.Sprint(n, ".db"))
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return open(path)
	}
}

// orderEvent is the nth event, of one of 60 orders.
func orderEvent(t *rapid.T, n int) Record {
	return Record{Offset: int64(n), Event: Event{
		OccurredAt: int64(n) * 1000, ID: [16]byte{byte(rapid.IntRange(0, 200).Draw(t, "id"))}, User: "u",
		Item: fmt.Sprint("i", rapid.IntRange(0, 9).Draw(t, "item")), Quantity: rapid.SampledFrom([]int64{1, 1, -1}).Draw(t, "quantity"),
		OrderNumber: fmt.Sprint("o", rapid.IntRange(0, 29).Draw(t, "order")), Currency: rapid.SampledFrom([]string{"GBP", "EUR"}).Draw(t, "currency"),
	}}
}

// However many orders have one key, whenever keys are written, and wherever the
// program was started again, each order is one row.
func TestOrdersAreToldApart(t *testing.T) {
	newDatabase := fresh(t)
	rapid.Check(t, func(rt *rapid.T) {
		db := newDatabase()
		defer func() { _ = db.Close() }()
		next, want := 0, map[orderName][]string{}
		for range rapid.IntRange(1, 5).Draw(rt, "starts") {
			w, err := newWriter(t.Context(), db.DB, few)
			if err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(1, 5).Draw(rt, "batches") {
				next = writeOrders(rt, w, next, want)
			}
			if err := w.Close(); err != nil {
				rt.Fatal(err)
			}
		}
		wantOrders(t, rt, db, want)
	})
}

func writeOrders(t *rapid.T, w *Writer, next int, want map[orderName][]string) int {
	var list []Record
	for i := range rapid.IntRange(1, 12).Draw(t, "events") {
		r := orderEvent(t, next+i)
		e := &r.Event
		if rapid.IntRange(0, 3).Draw(t, "repeat") == 0 && len(list) > 0 {
			r.Event = list[len(list)-1].Event // a duplicate, for which the batch is done again
		} else {
			name := orderName{e.OrderNumber, e.Currency}
			bought := want[name]
			if e.Quantity > 0 {
				bought = append(bought, e.Item)
			}
			want[name] = bought
		}
		list = append(list, r)
	}
	end := next + len(list)
	err := w.Write([]Chunk{{Partition: Partition{Topic: "analytics"}, From: int64(next), Next: int64(end), Records: list}})
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func wantOrders(t *testing.T, rt *rapid.T, db *database.Database, want map[orderName][]string) {
	for _, check := range verify.Checks() {
		if difference, err := check.Find(t.Context(), db); err != nil || difference != "" {
			rt.Fatalf("%s %v", difference, err)
		}
	}
	var rows []struct {
		Number, Currency, Items string
	}
	err := db.Select(&rows, `SELECT order_number AS number, currency, (SELECT json_group_array(item) FROM json_each('[' || orders.items || ']')
		JOIN items ON item_id = value) AS items FROM orders`)
	if err != nil {
		rt.Fatal(err)
	}
	if len(rows) != len(want) {
		rt.Fatalf("%d orders, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		var got []string
		if err := json.Unmarshal([]byte(row.Items), &got); err != nil {
			rt.Fatal(err)
		}
		items := slices.Clone(want[orderName{row.Number, row.Currency}])
		slices.Sort(items)
		slices.Sort(got)
		if items = slices.Compact(items); !slices.Equal(got, items) {
			rt.Fatalf("order %s %s has the items %q, want %q", row.Number, row.Currency, got, items)
		}
	}
}

// What an earlier version stored has no keys yet.
func TestOrdersFromBeforeGetKeys(t *testing.T) {
	db := fresh(t)()
	defer func() { _ = db.Close() }()
	for n := range 50 {
		db.MustExec(`INSERT INTO orders (order_number, currency, items) VALUES (?, 'GBP', '')`, fmt.Sprint("o", n))
	}
	w, err := newWriter(t.Context(), db.DB, few)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for query, want := range map[string]int{
		`SELECT count(*) FROM order_keys JOIN orders USING (order_id)`: 50,
		`SELECT count(*) FROM displaced_orders`:                        46,
		`SELECT min(through) FROM order_key_ranges`:                    50,
		`SELECT count(*) FROM order_key_ranges`:                        keyRanges,
	} {
		var got int
		if err := db.Get(&got, query); err != nil || got != want {
			t.Errorf("%s = %d, want %d (%v)", query, got, want, err)
		}
	}
}

// The keys are stored: they must never be others.
func TestOrderKeysNeverChange(t *testing.T) {
	for name, want := range map[orderName]orderKey{
		{"536365", "GBP"}: 2947891541322, {"order-0123456789ab", ""}: 1984085771836, {"", ""}: 1893278315518,
	} {
		if got := hashOrder(name); got != want {
			t.Errorf("key of %q is %d, want %d", name, got, want)
		}
	}
}
