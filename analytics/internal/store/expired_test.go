package store_test

import (
	"testing"

	"pgregory.net/rapid"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
)

// expired is a letter of offsets of purchases/3.
func expired(from, to, at int64) batch.Record {
	return batch.Record{Expired: &batch.Expired{
		Source: batch.Source{Topic: "purchases", Partition: 3, Offset: from}, Offsets: to - from + 1, RecordedAt: at,
	}}
}

func gapLog(t rapid.TB, db *database.Database) string {
	t.Helper()
	return get[string](t, db, `SELECT ifnull(group_concat(format('%s/%d %d to %d at %d', topic, partition, from_offset,
		to_offset, recorded_at), ', '), '')
		FROM (SELECT * FROM gaps ORDER BY topic, partition, from_offset)`)
}

func TestGapBeforeTheProcessor(t *testing.T) {
	db := open(t, events, letters)
	w := newWriter(t, db)
	write(t, w, chunk(letters, 0, expired(0, 99, 7)))
	write(t, w, chunk(events, 0, sale(1, from(100)), sale(2, from(101))))
	write(t, w, chunk(letters, 1, expired(0, 99, 8))) // by a group that was set back
	if got := gapLog(t, db); got != "purchases/3 0 to 99 at 7" {
		t.Errorf("gaps %s", got)
	}
	write(t, w, chunk(letters, 2, expired(0, 199, 9))) // by a later group: 101 and what stands before it was processed
	if got := gapLog(t, db); got != "purchases/3 0 to 99 at 7, purchases/3 102 to 199 at 9" {
		t.Errorf("gaps %s", got)
	}
	if got := get[string](t, db, `SELECT records || ' ' || expired || ' ' || rejected FROM internal_partitions WHERE topic
		= 'purchases.dlq'`); got != "3 3 0" {
		t.Errorf("records, expired and rejected are %s, want 3 3 0", got)
	}
	if got := get[int64](t, db, `SELECT count(*) FROM rejected`); got != 0 {
		t.Errorf("%d rejected records, and there is none", got)
	}
	wantRight(t, db)
}

// A batch with something to classify is stored in another way.
func TestGapBesideADuplicate(t *testing.T) {
	db := open(t, events, letters)
	w := newWriter(t, db)
	write(t, w, chunk(events, 0, sale(1, from(200))))
	write(t, w, chunk(events, 1, sale(1, from(40))), chunk(letters, 0, expired(0, 99, 7)))
	if got := gapLog(t, db); got != "purchases/3 41 to 99 at 7" {
		t.Errorf("gaps %s", got)
	}
	wantRight(t, db)
}

// Letters and results come from different topics: the gaps are the same whichever is
// read first, and by however many writers.
func TestAnyOrderOfLettersAndResultsGivesTheSameGaps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		offset := rapid.OneOf(rapid.Int64Range(0, 12), rapid.Int64Range(4090, 4100), rapid.Int64Range(9000, 9010))
		var told, results []batch.Record
		for i, at := range rapid.SliceOfN(offset, 0, 6).Draw(rt, "letters") {
			told = append(told, expired(at, at+rapid.Int64Range(0, 5000).Draw(rt, "more"), int64(i)))
		}
		for i, at := range rapid.SliceOfN(offset, 0, 6).Draw(rt, "results") {
			results = append(results, sale(byte(i+1), from(at)))
		}
		once := gapsAfter(t, rt, []batch.Chunk{chunk(events, 0, results...), chunk(letters, 0, told...)})
		half, part := len(told)/2, len(results)/2
		parts := []batch.Chunk{chunk(letters, 0, told[:half]...), chunk(events, 0, results[:part]...)}
		rest := []batch.Chunk{chunk(letters, int64(half), told[half:]...), chunk(events, int64(part), results[part:]...)}
		var steps [][]batch.Chunk
		for _, c := range append(rapid.Permutation(parts).Draw(rt, "order"), rapid.Permutation(rest).
			Draw(rt, "order of the rest")...) {
			steps = append(steps, []batch.Chunk{c})
		}
		if got := gapsAfter(t, rt, steps...); got != once {
			rt.Fatalf("gaps %s, all at once they are %s", got, once)
		}
	})
}

// gapsAfter are those of a database that gets the chunks by one writer each.
func gapsAfter(t *testing.T, rt *rapid.T, steps ...[]batch.Chunk) string {
	db := open(t, events, letters)
	defer func() { _ = db.Close() }()
	for _, chunks := range steps {
		w := newWriter(t, db)
		write(rt, w, chunks...)
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
	}
	wantRight(rt, db)
	return gapLog(rt, db)
}
