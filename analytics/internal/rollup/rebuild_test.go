package rollup_test

import (
	"path/filepath"
	"slices"
	"testing"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/verify"
	"purchases/analytics/internal/zone"
)

// filled is a database with statistics that the store has kept.
func filled(t *testing.T) *database.Database {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := batch.Partition{Topic: "analytics"}
	db.MustExec(`INSERT INTO internal_topics (topic, role, cluster_id, topic_id) VALUES ('analytics', 'events', 'c', 't')`)
	db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES ('analytics', 0, 0)`)
	w, err := store.NewWriter(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	var records []batch.Record
	for n := range 300 {
		e := batch.Event{
			Identity: batch.Identity{OccurredAt: int64(n) * 7_000_000, ID: [16]byte{byte(n), byte(n >> 8)}},
			User:     string(rune('a' + n%7)), Item: string(rune('A' + n%5)),
			OrderNumber: string(rune('0' + n%40)), Currency: []string{"GBP", "EUR"}[n%2],
			Attributes: `{"country":"France","vip":"yes"}`,
			Quantity:   int64(n%9 - 4),
		}
		if n%3 > 0 {
			e.Amount, e.HasAmount = e.Quantity*int64(n), true
		}
		if e.Quantity != 0 {
			records = append(records, batch.Record{Offset: int64(n), Event: e})
		}
	}
	if err := w.Write([]batch.Chunk{{Partition: p, Next: 300, Records: records}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return db
}

func wantRight(t *testing.T, db *database.Database) {
	t.Helper()
	report, err := verify.Run(t.Context(), db.DB, func() {})
	if err != nil || len(report.Differences) > 0 {
		t.Errorf("differences %q, %v", report.Differences, err)
	}
}

func TestRebuildMakesEveryStatisticRight(t *testing.T) {
	db := filled(t)
	wantRight(t, db)
	var before []string
	if err := db.Select(&before, `SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`); err != nil {
		t.Fatal(err)
	}
	var done []string
	for _, s := range rollup.Statistics() {
		db.MustExec(`DELETE FROM ` + s.Table)
	}
	if err := rollup.Rebuild(t.Context(), db.DB, nil, func(table string) { done = append(done, table) }); err != nil {
		t.Fatal(err)
	}
	wantRight(t, db)
	if len(done) != len(rollup.Statistics()) {
		t.Errorf("done %v", done)
	}
	var after []string
	if err := db.Select(&after, `SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, after) {
		t.Errorf("triggers %q, they were %q", after, before)
	}
}

// Another zone gives other days and orders, and back again the ones before.
func TestRebuildInAnotherZone(t *testing.T) {
	db := filled(t)
	daily := func() (text string) {
		if err := db.Get(&text, `SELECT group_concat(format('%s %s %d %d', day, currency, purchases, orders), ', ') FROM
			(SELECT * FROM daily_sales ORDER BY day, currency)`); err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := daily()
	for _, name := range []string{"Asia/Kolkata", "America/Los_Angeles", "UTC"} {
		z, err := zone.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := rollup.Rebuild(t.Context(), db.DB, z, func(string) {}); err != nil {
			t.Fatal(err)
		}
		wantRight(t, db)
		if after := daily(); (after == before) != (name == "UTC") {
			t.Errorf("%s: the days are\n%s\nin UTC they were\n%s", name, after, before)
		}
	}
}
