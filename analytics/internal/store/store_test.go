package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/verify"
)

var (
	events  = batch.Partition{Topic: "analytics", Partition: 0}
	letters = batch.Partition{Topic: "purchases.dlq", Partition: 0}
)

const dayMillis = 24 * 60 * 60 * 1000

// open returns a fresh database with rows for the partitions.
func open(t testing.TB, partitions ...batch.Partition) *database.Database {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "analytics.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, p := range partitions {
		db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES (?, ?, 0)`, p.Topic, p.Partition)
	}
	return db
}

func newWriter(t testing.TB, db *database.Database) *store.Writer {
	t.Helper()
	w, err := store.NewWriter(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// chunk makes consecutive records from offset on.
func chunk(p batch.Partition, from int64, list ...batch.Record) batch.Chunk {
	for i := range list {
		list[i].Offset = from + int64(i)
	}
	return batch.Chunk{Partition: p, From: from, Next: from + int64(len(list)), Records: list}
}

func sale(id byte, change ...func(*batch.Event)) batch.Record {
	e := batch.Event{
		Identity: batch.Identity{OccurredAt: 1_000_000_000_000, ID: [16]byte{id}}, ProcessedAt: 1_000_000_000_500,
		User: "u1", Item: "i1", ItemName: "Item one", OrderNumber: "o1", Currency: "GBP",
		Attributes: `{"country":"France"}`, Quantity: 2, HasAmount: true,
	}
	for _, c := range change {
		c(&e)
	}
	if e.HasAmount && e.Amount == 0 {
		e.Amount = e.Quantity * 1_500_000
	}
	return batch.Record{Event: e}
}

func get[T any](t rapid.TB, db *database.Database, query string, args ...any) T {
	t.Helper()
	var v T
	if err := db.Get(&v, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func wantRight(t rapid.TB, db *database.Database) {
	t.Helper()
	report, err := verify.Run(context.Background(), db.DB, func() {})
	if err != nil || len(report.Differences) > 0 {
		t.Fatalf("differences %q, %v", report.Differences, err)
	}
}

func write(t rapid.TB, w *store.Writer, chunks ...batch.Chunk) {
	t.Helper()
	if err := w.Write(chunks); err != nil {
		t.Fatal(err)
	}
}

func TestWriteStoresEventStatisticsAndOffsetTogether(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1), sale(2, func(e *batch.Event) { e.Quantity = -1 })))

	if got := get[int64](t, db, `SELECT next_offset FROM internal_partitions`); got != 2 {
		t.Errorf("next_offset = %d, want 2", got)
	}
	got := get[string](t, db, `SELECT format('%s %d %d %d %d %s %s %d %d %d', currency, purchases, returns,
		units_sold, units_returned, revenue, refunds, users, items, orders) FROM overall_sales`)
	if want := "GBP 1 1 2 1 3.0 1.5 1 1 1"; got != want {
		t.Errorf("overall_sales = %s, want %s", got, want)
	}
	got = get[string](t, db, `SELECT format('%s %s %s %s %s %d %s %s %s', occurred_at, kind, user, item_name,
		order_number, quantity,
		unit_price, amount, attributes) FROM event_log WHERE kind = 'return'`)
	if want := `2001-09-09T01:46:40.000Z return u1 Item one o1 -1 1.5 -1.5 {"country":"France"}`; got != want {
		t.Errorf("event_log = %s, want %s", got, want)
	}
}

func TestDuplicatesAreRecordedAndNotCounted(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1), sale(1), sale(2)))
	write(t, w, chunk(events, 3, sale(2), sale(3, func(e *batch.Event) { e.User = "u2" }), sale(3)))

	if got := get[int64](t, db, `SELECT purchases FROM stats_total`); got != 3 {
		t.Errorf("purchases = %d, want 3", got)
	}
	if got := get[string](t, db, `SELECT group_concat(offset, ' ') FROM duplicates`); got != "1 3 5" {
		t.Errorf("duplicates at offsets %s, want 1 3 5", got)
	}
	if got := get[int64](t, db, `SELECT users FROM stats_total`); got != 2 {
		t.Errorf("users = %d, want 2", got)
	}
}

// A user that only a duplicate names must not appear among the users.
func TestDuplicateLeavesNoName(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1)))
	write(t, w, chunk(events, 1, sale(1, func(e *batch.Event) { e.User, e.OrderNumber = "ghost", "ghost" }), sale(2)))
	if got := get[string](t, db, `SELECT group_concat(user) FROM users`); got != "u1" {
		t.Errorf("users = %s, want u1", got)
	}
	if got := get[int64](t, db, `SELECT count(*) FROM orders`); got != 1 {
		t.Errorf("%d orders, want 1", got)
	}
}

func TestLateEventsAreRecordedAndCounted(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	late := func(e *batch.Event) { e.OccurredAt -= dayMillis + 1 }
	onTime := func(e *batch.Event) { e.OccurredAt -= dayMillis }
	write(t, w, chunk(events, 0, sale(1), sale(2, late), sale(3, onTime)))
	if got := get[string](t, db, `SELECT group_concat(offset) FROM late_events`); got != "1" {
		t.Errorf("late events at offsets %s, want 1", got)
	}
	if got := get[int64](t, db, `SELECT purchases FROM stats_total`); got != 3 {
		t.Errorf("purchases = %d, want 3", got)
	}
}

func TestRejectionsCountOnce(t *testing.T) {
	db := open(t, letters)
	w := newWriter(t, db)
	letter := func(id byte) batch.Record {
		return batch.Record{Rejection: &batch.Rejection{
			RecordID: [16]byte{id}, Reason: "missing_user", Detail: "d",
			Source: batch.Source{Topic: "purchases", Offset: int64(id)},
		}}
	}
	write(t, w, chunk(letters, 0, letter(1), letter(2), letter(1)))
	if got := get[string](t, db, `SELECT reason || ' ' || records FROM stats_rejected`); got != "missing_user 2" {
		t.Errorf("stats_rejected = %s, want missing_user 2", got)
	}
	if got := get[string](t, db, `SELECT format('%d %d %d', records, rejected, duplicates) FROM internal_partitions`); got != "3 2 1" {
		t.Errorf("partition counts = %s, want 3 2 1", got)
	}
}

func TestSumsNeverWrap(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	huge := func(e *batch.Event) { e.Quantity, e.Amount = 1, 1<<62 }
	write(t, w, chunk(events, 0, sale(1, huge), sale(2, huge), sale(3, huge)))
	if got := get[string](t, db, `SELECT reason || ' ' || records FROM stats_rejected`); got != "amount_too_large 2" {
		t.Errorf("stats_rejected = %s, want amount_too_large 2", got)
	}
	if got := get[int64](t, db, `SELECT revenue_micros FROM stats_total`); got != 1<<62 {
		t.Errorf("revenue = %d, want %d", got, int64(1<<62))
	}
	again := sale(3, huge, from(7)) // the same record of the processor's input, twice
	write(t, w, chunk(events, 3, again, sale(4)))
	write(t, w, chunk(events, 5, again))
	if got := get[string](t, db, `SELECT format('%d %d %d', events, rejected, duplicates) FROM internal_partitions`); got != "2 2 2" {
		t.Errorf("events, rejected, duplicates: %s, want 2 2 2", got)
	}
}

// Two events that are too large are two rejected records, whatever they share.
func TestRefusedEventsOfOneIDAreTold(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	huge := func(e *batch.Event) { e.Quantity, e.Amount = 1, 1<<63-1 }
	write(t, w, chunk(events, 0, sale(1, huge)))
	later := func(e *batch.Event) { e.OccurredAt++ }
	other := func(e *batch.Event) { e.User = "u2" }
	write(t, w, chunk(events, 1, sale(2, huge), sale(2, huge, later), sale(2, huge, other), sale(2, huge)))
	if got := get[string](t, db, `SELECT format('%d %d %d', events, rejected, duplicates) FROM internal_partitions`); got != "1 3 1" {
		t.Errorf("events, rejected, duplicates: %s, want 1 3 1", got)
	}
	wantRight(t, db)
}

// An event that is imported again after others have filled the sums is refused,
// and does not keep the ones behind it from being stored.
func TestLargeEventImportedAgain(t *testing.T) {
	huge := func(e *batch.Event) { e.Quantity, e.Amount = 1, 1<<63-1 }
	for _, batches := range []int{1, 5} {
		db := open(t, events)
		w := newWriter(t, db)
		writeIn(t, w.Write, batches, []batch.Record{
			sale(1, huge, imported(4)), retraction(sale(1), 5), sale(2, huge), sale(1, huge, imported(6)),
			sale(3, func(e *batch.Event) { e.Currency = "EUR" }),
		})
		if got := get[string](t, db, `SELECT format('%d %d %d %d', events, retracted, rejected, retractions) FROM
			internal_partitions`); got != "2 1 1 1" {
			t.Errorf("events, retracted, rejected, retractions in %d batches: %s, want 2 1 1 1", batches, got)
		}
		wantRight(t, db)
	}
}

// The best users are taken back again and again, so that others lead.
func TestLeadingUsersFall(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	list := make([]batch.Record, 5000)
	for i := range list {
		list[i] = sale(1, func(e *batch.Event) {
			e.ID[1], e.ID[2] = byte(i), byte(i>>8)
			e.User, e.Amount = fmt.Sprint("u", i), int64(i)
		})
	}
	write(t, w, chunk(events, 0, slices.Clone(list)...))
	next := int64(len(list))
	for len(list) > 600 {
		var back []batch.Record
		for _, r := range list[len(list)-400:] {
			back = append(back, retraction(r, 0))
		}
		list = list[:len(list)-400]
		write(t, w, chunk(events, next, back...))
		next += 400
		wantRight(t, db)
		if leading := get[int](t, db, `SELECT count(*) FROM stats_user WHERE leading`); leading > 3*rollup.Leaders {
			t.Errorf("%d of %d users lead", leading, len(list))
		}
	}
}

// Revenue and refunds are two sums, each of which may be as large as fits.
func TestLargeRefundsLeaveRoomForRevenue(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	refund := func(e *batch.Event) { e.Quantity, e.Amount = -1, -1<<62 }
	large := func(e *batch.Event) { e.Quantity, e.Amount = 1, 1<<62-1 }
	write(t, w, chunk(events, 0, sale(1, refund)))
	// the last is a duplicate, for which all are judged
	write(t, w, chunk(events, 1, sale(2, large), sale(3, large), sale(1, refund)))
	if got := get[string](t, db, `SELECT format('%d %d', revenue_micros, refunds_micros) FROM stats_total`); got != "9223372036854775806 4611686018427387904" {
		t.Errorf("revenue and refunds: %s", got)
	}
	if got := get[string](t, db, `SELECT format('%d %d %d', events, rejected, duplicates) FROM internal_partitions`); got != "3 0 1" {
		t.Errorf("events, rejected, duplicates: %s, want 3 0 1", got)
	}
}

func TestItemNameIsTheLatestWhateverTheOrder(t *testing.T) {
	named := func(id byte, at int64, name string) batch.Record {
		return sale(id, func(e *batch.Event) { e.OccurredAt, e.ItemName = at, name })
	}
	a, b, c := named(1, 10, "old"), named(2, 30, "new"), named(3, 20, "old")
	for _, order := range [][]batch.Record{{a, b, c}, {b, c, a}, {c, a, b}, {b, a, c}} {
		db := open(t, events)
		w := newWriter(t, db)
		for i, r := range order {
			write(t, w, chunk(events, int64(i), r))
		}
		if got := get[string](t, db, `SELECT item_name FROM items`); got != "new" {
			t.Errorf("item_name = %q, want new", got)
		}
	}
}

func TestWriteRefusesAnOffsetThatMoved(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	err := w.Write([]batch.Chunk{chunk(events, 5, sale(1))})
	if err == nil || !strings.Contains(err.Error(), store.ErrMoved.Error()) {
		t.Fatalf("Write at the wrong offset: %v, want %v", err, store.ErrMoved)
	}
	if got := get[int64](t, db, `SELECT count(*) FROM events`); got != 0 {
		t.Errorf("%d events stored by a refused batch", got)
	}
	if err := w.Write([]batch.Chunk{chunk(events, 0, sale(1))}); err == nil {
		t.Error("a writer went on after an error")
	}
}

// Users come in a random order and buy more and more, so that the leading ones
// change all the time.
func TestBestUsersLead(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	random := rand.New(rand.NewPCG(1, 1))
	check := verify.Checks(retention.All)[slices.IndexFunc(verify.Checks(retention.All),
		func(c verify.Check) bool { return c.Name == "the leading users" })]
	for n := range int64(5) {
		list := make([]batch.Record, 2000)
		for i := range list {
			list[i] = sale(byte(n), func(e *batch.Event) {
				e.ID[1], e.ID[2] = byte(i), byte(i>>8)
				e.User = fmt.Sprint("u", random.IntN(6000))
				e.Quantity = 1 + random.Int64N(1<<random.IntN(8))
			})
		}
		write(t, w, chunk(events, n*2000, list...))
		if difference, err := check.Find(t.Context(), db); err != nil || difference != "" {
			t.Fatalf("batch %d: %s %v", n, difference, err)
		}
		if leading := get[int](t, db, `SELECT count(*) FROM stats_user WHERE leading`); leading > 3*rollup.Leaders {
			t.Errorf("batch %d: %d users lead", n, leading)
		}
		if n == 2 {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w = newWriter(t, db)
		}
	}
}

func TestStatisticsEqualTheirRecomputation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := open(t, events, letters)
		w := newWriter(t, db)
		defer func() { _ = w.Close() }()
		var next int64
		distinct := map[string]bool{}
		for range rapid.IntRange(1, 4).Draw(rt, "batches") {
			list := rapid.SliceOfN(rapid.Custom(randomSale), 1, 60).Draw(rt, "events")
			for _, r := range list {
				distinct[fmt.Sprint(r.Event.OccurredAt, r.Event.ID)] = true
			}
			write(rt, w, chunk(events, next, list...))
			next += int64(len(list))
		}
		wantRight(rt, db)
		if got := get[int](rt, db, `SELECT count(*) FROM events`); got != len(distinct) {
			rt.Fatalf("%d events stored, %d are distinct", got, len(distinct))
		}
	})
}

// randomSale draws from few users, items, times and ids, so that batches have
// duplicates, late events and repeated keys.
func randomSale(t *rapid.T) batch.Record {
	return sale(rapid.Byte().Draw(t, "id"), func(e *batch.Event) {
		e.OccurredAt += int64(rapid.IntRange(0, 5).Draw(t, "halfDays")) * dayMillis / 2
		e.User = rapid.SampledFrom([]string{"u1", "u2", "u3"}).Draw(t, "user")
		e.Item = rapid.SampledFrom([]string{"i1", "i2", "i3"}).Draw(t, "item")
		e.OrderNumber = rapid.SampledFrom([]string{"", "o1", "o2"}).Draw(t, "order")
		e.Currency = rapid.SampledFrom([]string{"", "GBP", "EUR"}).Draw(t, "currency")
		e.Attributes = rapid.SampledFrom([]string{"", `{"country":"France"}`, `{"country":"Spain","shop":"1"}`}).
			Draw(t, "attributes")
		e.Quantity = rapid.SampledFrom([]int64{-2, -1, 1, 2, 7}).Draw(t, "quantity")
		e.HasAmount = rapid.Bool().Draw(t, "hasAmount")
	})
}
