package verify_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/verify"
)

// once are the columns of what is stored in one place only.
var once = map[string][]string{
	"events": {"occurred_at", "event_id", "partition", "offset", "user_id", "item_id", "order_id", "quantity",
		"amount_micros", "currency",
		"attribute_set_id", "given_id", "imported_at", "processed_at"},
	"users": {"user"}, "items": {"item"}, "orders": {"order_number", "day", "currency"}, "attribute_sets": {"attributes"},
	"retractions":      {"occurred_at", "event_id", "partition", "offset", "retracted_at"},
	"retracted_events": {"occurred_at", "event_id", "partition", "offset"},
	"duplicates":       {"topic", "partition", "offset", "occurred_at", "event_id", "conflict"},
	"rejected": {"source_partition", "source_offset", "record_id", "cause_id", "partition", "offset",
		"rejected_at"},
	"rejected_causes":   {"topic", "source_topic", "reason", "detail"},
	"rejected_examples": {"record_id", "reason", "value"},
	"expired": {"topic", "partition", "offset", "source_topic", "source_partition", "from_offset", "to_offset",
		"recorded_at"},
}

// A bit that flips in a row that is stored once is found, whichever it is.
func TestEachFlippedBitIsFound(t *testing.T) {
	path := fill(t)
	retractSome(t, path)
	if report := run(t, path); len(report.Differences) > 0 {
		t.Fatalf("differences %q", report.Differences)
	}
	db := openUnchecked(t, path)
	random := rand.New(rand.NewPCG(1, 1))
	flips := 0
	for table, columns := range once {
		for _, column := range columns {
			for range 5 {
				flips += flip(t, db, table, column, random)
			}
		}
	}
	if flips < 200 {
		t.Errorf("only %d bits were flipped", flips)
	}
}

// openUnchecked opens the database so that it takes any value.
func openUnchecked(t *testing.T, path string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("sqlite3", path+"?_foreign_keys=off&_ignore_check_constraints=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

// retractSome adds what fill has none of: retractions, given ids and imports.
func retractSome(t *testing.T, path string) {
	t.Helper()
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	w, err := store.NewWriter(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	var list []batch.Record
	for _, r := range sales(200)[:8] {
		list = append(list, batch.Record{Retraction: &batch.Retraction{Identity: r.Event.Identity, RetractedAt: 7}})
	}
	for i, r := range sales(220)[200:] {
		r.Event.GivenID, r.Event.ImportedAt = fmt.Sprint("pay_", i), int64(i+1)
		list = append(list, r)
	}
	if err := w.Write([]batch.Chunk{chunk(batch.Partition{Topic: "analytics"}, 251, list...)}); err != nil {
		t.Fatal(err)
	}
}

// flip flips one bit of one value, looks whether that is found, and takes it back.
// It returns 0 where SQLite itself refuses the value.
func flip(t *testing.T, db *sqlx.DB, table, column string, random *rand.Rand) int {
	t.Helper()
	tx := db.MustBegin()
	defer func() { _ = tx.Rollback() }()
	var rows []any
	if err := tx.Select(&rows, fmt.Sprintf(`SELECT DISTINCT %s FROM %s WHERE %[1]s IS NOT NULL`, column,
		table)); err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatalf("%s.%s has no values", table, column)
	}
	old := rows[random.IntN(len(rows))]
	changed := withFlippedBit(old, random)
	if changed == nil {
		return 0
	}
	if _, err := tx.Exec(fmt.Sprintf(`UPDATE %s SET %s = ? WHERE rowid = (SELECT min(rowid) FROM %[1]s WHERE %[2]s = ?)`,
		table, column), changed, old); err != nil {
		if _, err := tx.Exec(fmt.Sprintf(`UPDATE %s SET %s = ? WHERE %[2]s = ?`, table, column), changed, old); err != nil {
			return 0
		}
	}
	difference, err := verify.Checksums(t.Context(), tx)
	if err != nil {
		difference = err.Error()
	}
	if difference == "" {
		report, err := verify.In(t.Context(), tx)
		if err == nil && len(report.Differences) == 0 {
			t.Errorf("%s.%s = %v instead of %v is not found", table, column, changed, old)
		}
	}
	return 1
}

func withFlippedBit(value any, random *rand.Rand) any {
	switch v := value.(type) {
	case int64:
		return v ^ 1<<random.IntN(40)
	case string:
		if v == "" {
			return nil
		}
		b := []byte(v)
		b[random.IntN(len(b))] ^= 1 << random.IntN(7)
		return string(b)
	case []byte:
		b := append([]byte{}, v...)
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		return b
	}
	return nil
}
