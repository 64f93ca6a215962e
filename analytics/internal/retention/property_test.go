package retention_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/retention"
)

// Pruning at any time, whole or in part, amid repetitions, late events and
// retractions changes no statistic, but for refused events.
func TestPruningChangesNoStatistic(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"UTC", "Europe/Paris", "Asia/Kathmandu"}).Draw(rt, "zone")
		dir := t.TempDir()
		pruned, whole := open(rt, filepath.Join(dir, "pruned"), name), open(rt, filepath.Join(dir, "whole"), name)
		defer pruned.close()
		defer whole.close()
		var past []batch.Record
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			list := draw(rt, &past, pruned.next)
			whole.store(pruned.counted(list))
			whole.next = list[len(list)-1].Offset + 1
			whole.db.MustExec(`UPDATE internal_partitions SET next_offset = ?`, whole.next)
			pruned.store(list)
			if rapid.Bool().Draw(rt, "prune") {
				pruned.pruneSome(rt)
			}
			pruned.wantRight()
			if got, want := pruned.dump(), whole.dump(); got != want {
				rt.Fatalf("pruned\n%s\nnever pruned\n%s", got, want)
			}
		}
	})
}

// draw makes records: new events, old ones again, and retractions.
func draw(t *rapid.T, past *[]batch.Record, offset int64) (list []batch.Record) {
	for range rapid.IntRange(1, 12).Draw(t, "records") {
		var r batch.Record
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind < 6 || len(*past) == 0:
			r = sale(len(*past), start+rapid.Int64Range(0, 4*24*4).Draw(t, "quarter")*hour/4)
			*past = append(*past, r)
		case kind < 8:
			r = rapid.SampledFrom(*past).Draw(t, "again")
			r.Event.ImportedAt = rapid.Int64Range(0, 3).Draw(t, "imported")
		default:
			of := rapid.SampledFrom(*past).Draw(t, "retracted")
			at := rapid.Int64Range(0, 3).Draw(t, "at")
			r = batch.Record{Retraction: &batch.Retraction{Identity: of.Event.Identity, RetractedAt: at}}
		}
		r.Offset = offset + int64(len(list))
		list = append(list, r)
	}
	return list
}

// counted are the records that may change a statistic: no event before what is kept,
// and no retraction of one that is deleted.
func (s *shop) counted(list []batch.Record) (kept []batch.Record) {
	s.t.Helper()
	since, err := retention.Read(context.Background(), s.db)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range list {
		id := r.Event.Identity
		if r.Retraction != nil {
			id = r.Retraction.Identity
		}
		stored := get[bool](s, `SELECT EXISTS (SELECT 1 FROM events WHERE occurred_at = ? AND event_id = ?)`,
			id.OccurredAt, id.ID[:])
		if id.OccurredAt >= since.Since || r.Retraction != nil && stored {
			kept = append(kept, r)
		}
	}
	return kept
}

// pruneSome makes some steps of a prune.
func (s *shop) pruneSome(t *rapid.T) {
	p := s.plan("2001-09-" + fmt.Sprintf("%02d", rapid.IntRange(9, 15).Draw(t, "before")))
	limit := rapid.IntRange(1, 10).Draw(t, "limit")
	for range rapid.IntRange(1, 10).Draw(t, "steps") {
		s.step(p, limit)
	}
}
