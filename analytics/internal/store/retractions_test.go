package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/rollup"
)

func retraction(of batch.Record, at int64) batch.Record {
	return batch.Record{Retraction: &batch.Retraction{Identity: of.Event.Identity, RetractedAt: at}}
}

func imported(at int64) func(*batch.Event) { return func(e *batch.Event) { e.ImportedAt = at } }

func state(t rapid.TB, db *database.Database) string {
	return get[string](t, db, `SELECT format('%d events, %d retracted, %d duplicates, revenue %d', sum(events),
		sum(retracted), sum(duplicates),
		(SELECT ifnull(sum(revenue_micros), 0) FROM stats_total)) FROM internal_partitions`)
}

func TestRetractionTakesAnEventBackInEitherOrder(t *testing.T) {
	event := sale(1)
	for name, list := range map[string][]batch.Record{
		"event first":              {event, retraction(event, 5)},
		"retraction first":         {retraction(event, 5), event},
		"imported before":          {sale(1, imported(4)), retraction(event, 5)},
		"imported at that time":    {sale(1, imported(5)), retraction(event, 5)},
		"of no time":               {sale(1, imported(9)), retraction(event, 0)},
		"of no time, before":       {retraction(event, 0), sale(1, imported(9))},
		"a later one counts, too":  {sale(1, imported(6)), retraction(event, 5), retraction(event, 7)},
		"the latest counts, first": {retraction(event, 7), retraction(event, 5), sale(1, imported(6))},
	} {
		for _, batches := range []int{1, len(list)} {
			t.Run(fmt.Sprintf("%s in %d batches", name, batches), func(t *testing.T) {
				db := open(t, events)
				w := newWriter(t, db)
				writeIn(t, w.Write, batches, list)
				if got := state(t, db); got != "0 events, 1 retracted, 0 duplicates, revenue 0" {
					t.Error(got)
				}
				if got := get[int](t, db, `SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM orders) + (SELECT count(*)
					FROM order_items)
					+ (SELECT count(*) FROM stats_day) + (SELECT count(*) FROM stats_cohort) + (SELECT count(*) FROM attribute_sets)
					+ (SELECT count(*) FROM attributes) + (SELECT count(*) FROM stats_total)`); got != 0 {
					t.Errorf("%d rows are left", got)
				}
				wantRight(t, db)
			})
		}
	}
}

// writeIn writes the records in one batch, or each in its own.
func writeIn(t rapid.TB, write func([]batch.Chunk) error, batches int, list []batch.Record) {
	t.Helper()
	size := (len(list) + batches - 1) / batches
	offset := int64(0)
	for part := range slices.Chunk(slices.Clone(list), size) {
		if err := write([]batch.Chunk{chunk(events, offset, part...)}); err != nil {
			t.Fatal(err)
		}
		offset += int64(len(part))
	}
}

func TestImportUndoImportCountsOnce(t *testing.T) {
	first, second := sale(1, imported(4)), sale(1, imported(6))
	for name, list := range map[string][]batch.Record{
		"in order":          {first, retraction(first, 5), second},
		"retraction last":   {first, second, retraction(first, 5)},
		"retraction first":  {retraction(first, 5), first, second},
		"second first":      {second, retraction(first, 5), first},
		"all the other way": {second, first, retraction(first, 5)},
	} {
		for _, batches := range []int{1, len(list)} {
			t.Run(fmt.Sprintf("%s in %d batches", name, batches), func(t *testing.T) {
				db := open(t, events)
				w := newWriter(t, db)
				writeIn(t, w.Write, batches, list)
				if got := state(t, db); got != "1 events, 0 retracted, 1 duplicates, revenue 3000000" {
					t.Error(got)
				}
				if got := get[int](t, db, `SELECT imported_at FROM events`); got != 6 {
					t.Errorf("imported_at = %d, want 6", got)
				}
				wantRight(t, db)
			})
		}
	}
}

func TestConflictsAreCountedApart(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	for i, change := range []func(*batch.Event){
		func(e *batch.Event) { e.User = "u2" },
		func(e *batch.Event) { e.Item = "i2" }, func(e *batch.Event) { e.Quantity = 3 },
		func(e *batch.Event) { e.Amount = 1 },
		func(e *batch.Event) { e.HasAmount = false }, func(e *batch.Event) { e.Currency = "EUR" },
		func(e *batch.Event) { e.OrderNumber = "" },
		func(e *batch.Event) { e.Attributes = "" }, func(e *batch.Event) { e.GivenID = "pay_1" },
	} {
		n := int64(i)
		write(t, w, chunk(events, 3*n, sale(byte(i)), sale(byte(i), func(e *batch.Event) { e.ItemName = "other" }),
			sale(byte(i), change)))
	}
	if got := get[string](t, db, `SELECT format('%d %d %d', events, duplicates, conflicts) FROM internal_partitions`); got != "9 18 9" {
		t.Errorf("events, duplicates, conflicts: %s, want 9 18 9", got)
	}
	wantRight(t, db)
}

// A batch may take back more than it adds, of purchases and of returns.
func TestBatchTakesBackPurchaseAndReturnAndAdds(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	back := func(e *batch.Event) { e.Quantity = -1 }
	write(t, w, chunk(events, 0, sale(1), sale(2, back)))
	write(t, w, chunk(events, 2, retraction(sale(1), 0), retraction(sale(2), 0), sale(3)))
	if got := state(t, db); got != "1 events, 2 retracted, 0 duplicates, revenue 3000000" {
		t.Error(got)
	}
	wantRight(t, db)
}

// An order may lose one item and gain another in the same batch.
func TestOrderChangesItsItemInOneBatch(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1)))
	write(t, w, chunk(events, 1, retraction(sale(1), 0), sale(2, func(e *batch.Event) { e.Item = "another" })))
	if got := get[string](t, db, `SELECT group_concat(item || ' ' || purchases) FROM order_items JOIN items USING
		(item_id)`); got != "another 1" {
		t.Errorf("items of the order: %s, want another 1", got)
	}
	wantRight(t, db)
}

// model says which identities count, and how often each was imported last.
type model struct {
	copies      map[batch.Identity][]batch.Event
	retractions map[batch.Identity][]batch.Retraction
}

func (m *model) counts(id batch.Identity) bool {
	return slices.ContainsFunc(m.copies[id], func(e batch.Event) bool {
		return !slices.ContainsFunc(m.retractions[id], func(r batch.Retraction) bool { return r.TakesBack(e.ImportedAt) })
	})
}

// Whatever the order and the batches in which events, repetitions and
// retractions come, the statistics are those of the events that count.
func TestAnyOrderOfRetractionsGivesTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := open(t, events)
		w := newWriter(t, db)
		defer func() { _ = w.Close() }()
		m := model{map[batch.Identity][]batch.Event{}, map[batch.Identity][]batch.Retraction{}}
		var all []batch.Record
		for n := range rapid.IntRange(1, 12).Draw(rt, "identities") {
			r := randomSale(rt)
			r.Event.ID = [16]byte{byte(n)}
			for range rapid.IntRange(1, 3).Draw(rt, "copies") {
				c := r
				c.Event.ImportedAt = rapid.Int64Range(0, 4).Draw(rt, "imported")
				m.copies[c.Event.Identity] = append(m.copies[c.Event.Identity], c.Event)
				all = append(all, c)
			}
			for range rapid.IntRange(0, 2).Draw(rt, "retractions") {
				x := retraction(r, rapid.Int64Range(0, 4).Draw(rt, "retracted"))
				m.retractions[r.Event.Identity] = append(m.retractions[r.Event.Identity], *x.Retraction)
				all = append(all, x)
			}
		}
		all = rapid.Permutation(all).Draw(rt, "order")
		writeIn(rt, w.Write, rapid.IntRange(1, len(all)).Draw(rt, "batches"), all)
		m.compare(rt, db)
		wantRight(rt, db)
		before := dump(rt, db)
		if err := rollup.Rebuild(t.Context(), db.DB, nil, func(string) {}); err != nil {
			rt.Fatal(err)
		}
		if after := dump(rt, db); after != before {
			rt.Fatalf("kept\n%s\nrebuilt\n%s", before, after)
		}
	})
}

func (m *model) compare(t *rapid.T, db *database.Database) {
	var want, revenue, refunds int64
	for id, copies := range m.copies {
		if m.counts(id) {
			want++
			revenue += max(copies[0].Amount, 0)
			refunds += max(-copies[0].Amount, 0)
		}
	}
	got := get[string](t, db, `SELECT format('%d %d %d', (SELECT count(*) FROM events), ifnull(sum(revenue_micros), 0),
		ifnull(sum(refunds_micros), 0)) FROM stats_total`)
	if got != fmt.Sprint(want, revenue, refunds) {
		t.Fatalf("events, revenue, refunds: %s, want %d %d %d", got, want, revenue, refunds)
	}
}

// dump is all statistics as text.
func dump(t rapid.TB, db *database.Database) string {
	var b strings.Builder
	for _, s := range rollup.Statistics() {
		columns := slices.DeleteFunc(s.Columns(), func(c string) bool { return c == "leading" })
		rows, err := db.Query(`SELECT json_array(` + strings.Join(columns, ", ") + `) FROM ` + s.Table + ` ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, s.Table)
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, line)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
