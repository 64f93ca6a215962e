package store_test

import (
	"testing"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sources"
)

func from(offset int64) func(*batch.Event) {
	return func(e *batch.Event) { e.Source = batch.Source{Topic: "purchases", Partition: 3, Offset: offset} }
}

// Whatever becomes of the result of a record, an event, a duplicate or a dead
// letter, it is known to be in; what is not there yet is not.
func TestSourcesOfAllResultsAreKnown(t *testing.T) {
	db := open(t, events, letters)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1, from(0)), sale(2, from(8191))))
	write(t, w, chunk(events, 2, sale(1, from(1)), sale(3, from(4095))))
	write(t, w, chunk(letters, 0, batch.Record{Rejection: &batch.Rejection{
		RecordID: [16]byte{9}, Reason: "missing_user", Source: batch.Source{Topic: "purchases", Partition: 3, Offset: 4096},
	}}))
	for offset, want := range map[int64]bool{0: true, 1: true, 2: false, 8: false, 4095: true, 4096: true, 4097: false,
		8190: false, 8191: true, 8192: false, 1 << 40: false} {
		got, err := sources.Stored(t.Context(), db, "purchases", 3, offset)
		if err != nil || got != want {
			t.Errorf("offset %d: stored is %v, %v, want %v", offset, got, err, want)
		}
	}
	if got, err := sources.Stored(t.Context(), db, "purchases", 2, 0); got || err != nil {
		t.Errorf("another partition: stored is %v, %v", got, err)
	}
	if got := get[int64](t, db, `SELECT count(*) FROM internal_sources`); got != 2 {
		t.Errorf("%d blocks, want 2", got)
	}
}

// What the program itself rejects tells nothing of the processor's input.
func TestOwnRejectionsHaveNoSource(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1), batch.Record{Rejection: &batch.Rejection{
		RecordID: [16]byte{9}, Reason: "invalid_enriched_event", Source: batch.Source{Topic: events.Topic, Offset: 1},
	}}))
	if got := get[int64](t, db, `SELECT count(*) FROM internal_sources`); got != 0 {
		t.Errorf("%d blocks, want none", got)
	}
}

func TestMinutesAndTheLogsEnd(t *testing.T) {
	db := open(t, events)
	db.MustExec(`INSERT INTO internal_minutes VALUES (1, 'analytics', 0, 7), (unixepoch() / 60 - 30, 'analytics', 0, 5)`)
	w := newWriter(t, db)
	c := chunk(events, 0, sale(1), sale(2))
	c.HighWatermark = 12
	write(t, w, c)
	write(t, w, chunk(events, 2, sale(3)))
	// 3 where the minute ends between the two
	if got := get[string](t, db, `SELECT count(*) || ' ' || sum(records) FROM internal_minutes WHERE minute > 1`); got != "2 8" && got != "3 8" {
		t.Errorf("minutes and records %s, want 2 8", got)
	}
	if got := get[int64](t, db, `SELECT count(*) FROM internal_minutes WHERE minute = 1`); got != 0 {
		t.Error("what is older than an hour is still there")
	}
	if got := get[int64](t, db, `SELECT high_watermark FROM internal_partitions`); got != 12 {
		t.Errorf("high_watermark = %d, want 12", got)
	}
}

// The same number on another day, of another user or in another currency is
// another order, and returns make none.
func TestOrders(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	nextDay := func(e *batch.Event) { e.OccurredAt += dayMillis }
	other := func(e *batch.Event) { e.User = "u2" }
	euro := func(e *batch.Event) { e.Currency = "EUR" }
	back := func(e *batch.Event) { e.Quantity, e.OrderNumber = -1, "o9" }
	write(t, w, chunk(events, 0, sale(1), sale(2, nextDay), sale(3, other), sale(4, euro), sale(5, back)))
	write(t, w, chunk(events, 5, sale(6), sale(1), sale(7, func(e *batch.Event) { e.Item = "i2" })))
	got := get[string](t, db, `SELECT group_concat(format('%d %s %d %d %d %d', day, currency, orders, order_purchases,
		order_units_sold, order_revenue_micros), ', ')
		FROM (SELECT * FROM stats_day ORDER BY day, currency)`)
	if want := "11574 EUR 1 1 2 3000000, 11574 GBP 2 4 8 12000000, 11575 GBP 1 1 2 3000000"; got != want {
		t.Errorf("orders of days: %s, want %s", got, want)
	}
	if got := get[int64](t, db, `SELECT orders FROM stats_total WHERE currency = 'GBP'`); got != 3 {
		t.Errorf("%d orders in GBP, want 3", got)
	}
	got = get[string](t, db, `SELECT group_concat(item || ' ' || purchases) FROM order_items JOIN items USING (item_id)
		WHERE order_id = (SELECT order_id FROM orders JOIN users USING (user_id) WHERE day = 11574 AND user = 'u1' AND
		currency = 'GBP' AND order_number = 'o1')`)
	if got != "i1 2,i2 1" {
		t.Errorf("items of the order: %s, want i1 2,i2 1", got)
	}
	wantRight(t, db)
}
