package store_test

import (
	"testing"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sources"
)

func from(offset int64) func(*batch.Event) {
	return func(e *batch.Event) { e.SourceTopic, e.SourcePartition, e.SourceOffset = "purchases", 3, offset }
}

// Whatever becomes of the result of a record, an event, a duplicate or a dead
// letter, it is known to be in; what is not there yet is not.
func TestSourcesOfAllResultsAreKnown(t *testing.T) {
	db := open(t, events, letters)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1, from(0)), sale(2, from(8191))))
	write(t, w, chunk(events, 2, sale(1, from(1)), sale(3, from(4095))))
	write(t, w, chunk(letters, 0, batch.Record{Rejection: &batch.Rejection{
		ID: [16]byte{9}, Reason: "missing_user", SourceTopic: "purchases", SourcePartition: 3, SourceOffset: 4096,
	}}))
	for offset, want := range map[int64]bool{0: true, 1: true, 2: false, 8: false, 4095: true, 4096: true, 4097: false, 8190: false, 8191: true, 8192: false, 1 << 40: false} {
		got, err := sources.Stored(t.Context(), db, "purchases", 3, offset)
		if err != nil || got != want {
			t.Errorf("offset %d: stored is %v, %v, want %v", offset, got, err, want)
		}
	}
	if got, err := sources.Stored(t.Context(), db, "purchases", 2, 0); got || err != nil {
		t.Errorf("another partition: stored is %v, %v", got, err)
	}
	if got := get[int64](t, db, `SELECT count(*) FROM sources`); got != 2 {
		t.Errorf("%d blocks, want 2", got)
	}
}

// What the program itself rejects tells nothing of the processor's input.
func TestOwnRejectionsHaveNoSource(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1), batch.Record{Rejection: &batch.Rejection{
		ID: [16]byte{9}, Reason: "invalid_enriched_event", SourceTopic: events.Topic, SourceOffset: 1,
	}}))
	if got := get[int64](t, db, `SELECT count(*) FROM sources`); got != 0 {
		t.Errorf("%d blocks, want none", got)
	}
}

func TestMinutesAndTheLogsEnd(t *testing.T) {
	db := open(t, events)
	db.MustExec(`INSERT INTO ingest_minutes VALUES (1, 'analytics', 0, 7), (unixepoch() / 60 - 30, 'analytics', 0, 5)`)
	w := newWriter(t, db)
	c := chunk(events, 0, sale(1), sale(2))
	c.HighWatermark = 12
	write(t, w, c)
	write(t, w, chunk(events, 2, sale(3)))
	if got := get[string](t, db, `SELECT count(*) || ' ' || sum(records) FROM ingest_minutes WHERE minute > 1`); got != "2 8" && got != "3 8" { // 3 where the minute ends between the two
		t.Errorf("minutes and records %s, want 2 8", got)
	}
	if got := get[int64](t, db, `SELECT count(*) FROM ingest_minutes WHERE minute = 1`); got != 0 {
		t.Error("what is older than an hour is still there")
	}
	if got := get[int64](t, db, `SELECT high_watermark FROM partitions`); got != 12 {
		t.Errorf("high_watermark = %d, want 12", got)
	}
}

// An order counts once in each month that it has a purchase in.
func TestOrdersOfMonths(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	later := func(e *batch.Event) { e.OccurredAt += 31 * dayMillis }
	back := func(e *batch.Event) { e.OccurredAt, e.Quantity, e.OrderNumber = e.OccurredAt+31*dayMillis, -1, "o9" }
	write(t, w, chunk(events, 0, sale(1), sale(2), sale(3, later), sale(4, back)))
	write(t, w, chunk(events, 4, sale(1), sale(5), sale(6, func(e *batch.Event) { e.OrderNumber = "o2" })))
	got := get[string](t, db, `SELECT group_concat(format('%d %d %d %d %d', month, orders, purchases, units_sold, revenue), ', ')
		FROM (SELECT * FROM orders_monthly ORDER BY month)`)
	if want := "380 2 4 8 12000000, 381 1 1 2 3000000"; got != want {
		t.Errorf("orders of months: %s, want %s", got, want)
	}
}
