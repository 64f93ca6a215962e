package retention_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/verify"
	"purchases/analytics/internal/zone"
)

const (
	start     = 1_000_000_000_000 // 2001-09-09T01:46:40Z
	hour      = 3600_000
	dayMillis = 24 * hour
)

// shop is a database with its writer.
type shop struct {
	t    rapid.TB
	db   *database.Database
	w    *store.Writer
	next int64
}

func open(t rapid.TB, dir, zoneName string) *shop {
	t.Helper()
	db, err := database.Open(context.Background(), filepath.Join(dir, "analytics.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := zone.Adopt(context.Background(), db.DB, zoneName); err != nil {
		t.Fatal(err)
	}
	db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES ('analytics', 0, 0)`)
	w, err := store.NewWriter(context.Background(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	return &shop{t: t, db: db, w: w}
}

func (s *shop) close() {
	s.t.Helper()
	if err := s.w.Close(); err != nil {
		s.t.Error(err)
	}
	if err := s.db.Close(); err != nil {
		s.t.Error(err)
	}
}

func filled(t *testing.T, events int) *shop {
	t.Helper()
	s := open(t, t.TempDir(), "Europe/Paris")
	t.Cleanup(s.close)
	s.write(sales(0, events)...)
	return s
}

// write stores the records at the offsets after those before.
func (s *shop) write(list ...batch.Record) {
	s.t.Helper()
	list = slices.Clone(list)
	for i := range list {
		list[i].Offset = s.next + int64(i)
	}
	s.store(list)
}

// store stores records that have their offsets.
func (s *shop) store(list []batch.Record) {
	s.t.Helper()
	if len(list) == 0 {
		return
	}
	next := list[len(list)-1].Offset + 1
	c := batch.Chunk{
		Partition: batch.Partition{Topic: "analytics"}, From: s.next, Next: next, Records: list,
		Last: &batch.Fingerprint{Offset: next - 1},
	}
	if err := s.w.Write([]batch.Chunk{c}); err != nil {
		s.t.Fatal(err)
	}
	s.next = next
}

// sales are some, ten a day, of which some are late.
func sales(from, to int) (list []batch.Record) {
	for i := from; i < to; i++ {
		at := int64(start + i*dayMillis/10)
		if i%30 == 29 {
			at -= 2 * dayMillis
		}
		list = append(list, sale(i, at))
	}
	return list
}

func sale(i int, at int64) batch.Record {
	e := batch.Event{
		Identity:    batch.Identity{OccurredAt: at, ID: [16]byte{byte(i), byte(i >> 8)}},
		ProcessedAt: at + 5, User: fmt.Sprint("user ", i%7, i/40),
		Item: fmt.Sprint("item ", i%5), ItemName: fmt.Sprint("Name ", i%3),
		OrderNumber: fmt.Sprint("order ", i/3), Currency: []string{"GBP", ""}[i/3%2],
		Attributes: fmt.Sprintf(`{"country":"France","week":"%d"}`, i/70),
		Quantity:   int64(1 + i%4 - 3*(i%9/8)*2), HasAmount: i%3 > 0,
	}
	if e.HasAmount {
		e.Amount = e.Quantity * 1_500_000
	}
	return batch.Record{Event: e}
}

// retraction is of one of the sales.
func retraction(i int) batch.Record {
	return batch.Record{Retraction: &batch.Retraction{Identity: sales(i, i+1)[0].Event.Identity}}
}

func (s *shop) plan(before string) retention.Plan {
	s.t.Helper()
	z, err := zone.Stored(context.Background(), s.db)
	if err != nil {
		s.t.Fatal(err)
	}
	kept, err := retention.ParseBefore(before, time.Now(), z)
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := retention.Prepare(context.Background(), s.db.DB, s.db.Path, z.Name, kept)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// prune prunes to the end.
func (s *shop) prune(before string) retention.Report {
	s.t.Helper()
	r, err := retention.Run(context.Background(), s.plan(before), func(int64) {})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// step makes one step that deletes at most so many events.
func (s *shop) step(p retention.Plan, limit int) (deleted int64) {
	s.t.Helper()
	err := database.UpdateLive(context.Background(), s.db.Path, func(tx *sqlx.Tx) (err error) {
		deleted, err = p.Step(context.Background(), tx, limit)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return deleted
}

func get[T any](s *shop, query string, args ...any) (v T) {
	s.t.Helper()
	if err := s.db.Get(&v, query, args...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return v
}

func (s *shop) wantRight() {
	s.t.Helper()
	report, err := verify.Run(context.Background(), s.db.DB, func() {})
	if err != nil || len(report.Differences) > 0 {
		s.t.Fatalf("differences %q, %v", report.Differences, err)
	}
}

// names are what the small integers stand for, which may differ.
var names = strings.NewReplacer("user_id", "(SELECT user FROM users WHERE users.user_id = t.user_id)",
	"item_id", "(SELECT item FROM items WHERE items.item_id = t.item_id)",
	"order_id", "(SELECT day || order_number || currency FROM orders WHERE orders.order_id = t.order_id)",
	"attribute_id", "(SELECT attribute || value FROM attributes WHERE attributes.attribute_id = t.attribute_id)")

// dump is all statistics as text, but for those of rejected records.
func (s *shop) dump() string {
	s.t.Helper()
	var b strings.Builder
	for _, table := range rollup.Statistics() {
		if table.Table == "stats_rejected" {
			continue
		}
		columns := slices.DeleteFunc(table.Columns(), func(c string) bool { return c == "leading" })
		var lines []string
		row := `json_array(` + names.Replace(strings.Join(columns, ", ")) + `)`
		if err := s.db.Select(&lines, `SELECT `+row+` FROM `+table.Table+` t ORDER BY 1`); err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintln(&b, table.Table, strings.Join(lines, "\n"))
	}
	return b.String()
}

func TestPruneDeletesEventsAndKeepsStatistics(t *testing.T) {
	s := filled(t, 200)
	before := s.dump()
	p := s.plan("2001-09-20")
	old := get[int64](s, `SELECT count(*) FROM events WHERE occurred_at < ?`, p.Kept.Since)
	if p.Events != old || p.First != start || p.Last >= p.Kept.Since {
		t.Errorf("plan %+v", p)
	}
	var deleted int64
	r, err := retention.Run(t.Context(), p, func(n int64) { deleted += n })
	if err != nil || r.Events != p.Events || deleted != p.Events {
		t.Errorf("report %+v, %d deleted, %v; want %d", r, deleted, err, p.Events)
	}
	got := get[string](s, `SELECT format('%d %d %d', count(*), min(occurred_at) >= ?,
		(SELECT sum(events) FROM internal_partitions)) FROM events`, p.Kept.Since)
	if got != fmt.Sprint(200-p.Events, 1, 200) {
		t.Errorf("events, all kept, counted: %s", got)
	}
	if after := s.dump(); after != before {
		t.Errorf("statistics\n%s\nthey were\n%s", after, before)
	}
	s.wantRight()
	if again := s.plan("2001-09-15"); again.Events != 0 || again.Kept != p.Kept {
		t.Errorf("another prune would delete %+v", again)
	}
}

// The process that fills the database never learns that events are gone: it goes on
// with what it has in memory.
func TestWriterGoesOnAfterAPrune(t *testing.T) {
	s := filled(t, 200)
	other := filled(t, 200)
	s.prune("2001-09-20")
	for _, shop := range []*shop{s, other} {
		shop.write(sales(200, 300)...)
		shop.write(retraction(198), sales(197, 198)[0])
	}
	if got, want := s.dump(), other.dump(); got != want {
		t.Errorf("statistics\n%s\nwithout the prune\n%s", got, want)
	}
	s.wantRight()
}

func TestOlderEventsAreRefused(t *testing.T) {
	s := filled(t, 200)
	s.prune("2001-09-20")
	before := s.dump()
	old := sales(3, 4)[0]
	fresh := sale(900, start+3*hour)
	s.write(old, fresh, old, retraction(5))
	s.write(fresh)
	if after := s.dump(); after != before {
		t.Errorf("statistics\n%s\nthey were\n%s", after, before)
	}
	got := get[string](s, `SELECT format('%d %d %d %d', rejected, duplicates, retractions, retracted) FROM
		internal_partitions`)
	if got != "2 2 1 0" {
		t.Errorf("rejected, duplicates, retractions, retracted: %s, want 2 2 1 0", got)
	}
	got = get[string](s, `SELECT reason || ': ' || max(detail) FROM rejected_log GROUP BY reason`)
	want := "before_retention: the event is of 2001-09-09, " +
		"and events before 2001-09-19T22:00:00Z were pruned: it may be counted already"
	if got != want {
		t.Errorf("rejected %q, want %q", got, want)
	}
	if got := get[string](s, `SELECT event FROM retraction_log`); got != "pruned" {
		t.Errorf("the retraction log says %q, want pruned", got)
	}
	s.wantRight()
}

// A prune that is interrupted after any step leaves a right database, and the next
// one continues.
func TestInterruptedPruneIsContinued(t *testing.T) {
	s := filled(t, 200)
	before, p := s.dump(), s.plan("2001-09-20")
	for n := int64(1); n > 0; {
		n = s.step(p, 30)
		s.wantRight()
		s.write(sales(int(200+s.next), int(201+s.next))...)
	}
	s.wantRight()
	s = filled(t, 200)
	s.step(p, 30)
	if left := s.plan("2001-09-15"); left.Kept != p.Kept || left.Events != p.Events-30 {
		t.Errorf("the next prune would delete %+v, want what is left of %+v", left, p)
	}
	if r := s.prune("2001-09-15"); r.Events != p.Events-30 {
		t.Errorf("the next prune has deleted %d, want %d", r.Events, p.Events-30)
	}
	if after := s.dump(); after != before {
		t.Errorf("statistics\n%s\nthey were\n%s", after, before)
	}
	s.wantRight()
}

func TestPruneInAnotherZoneIsRefused(t *testing.T) {
	s := filled(t, 200)
	p := s.plan("2001-09-20")
	p.Zone = "UTC" // as it was when the day was found
	_, err := retention.Run(t.Context(), p, func(int64) {})
	if want := "the reporting zone has changed from UTC to Europe/Paris; try again"; err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	if n := get[int](s, `SELECT count(*) FROM events`); n != 200 {
		t.Errorf("%d events are left", n)
	}
}

func TestNothingToPruneChangesNothing(t *testing.T) {
	s := filled(t, 20)
	if r := s.prune("2001-09-01"); r.Events != 0 {
		t.Errorf("report %+v", r)
	}
	if kept, err := retention.Read(t.Context(), s.db); err != nil || kept.Pruned() {
		t.Errorf("kept %+v, %v; want all", kept, err)
	}
	s.write(sale(900, start-30*dayMillis)) // is counted
	if got := get[int](s, `SELECT sum(rejected) FROM internal_partitions`); got != 0 {
		t.Errorf("%d records were rejected", got)
	}
	s.wantRight()
}

// The file gets shorter once the write-ahead log is copied into it.
func TestPruneShrinksTheFile(t *testing.T) {
	s := filled(t, 3000)
	before := get[int64](s, `PRAGMA page_count`) * get[int64](s, `PRAGMA page_size`)
	r := s.prune("2002-06-01")
	after := get[int64](s, `PRAGMA page_count`) * get[int64](s, `PRAGMA page_size`)
	if r.Bytes == 0 || r.Unused != 0 || after >= before {
		t.Errorf("report %+v; the database had %d bytes and has %d", r, before, after)
	}
	s.wantRight()
}

func TestPruneOfAllEvents(t *testing.T) {
	s := filled(t, 100)
	before := s.dump()
	if r := s.prune("2002-01-01"); r.Events != 100 {
		t.Errorf("report %+v", r)
	}
	if after := s.dump(); after != before {
		t.Errorf("statistics\n%s\nthey were\n%s", after, before)
	}
	s.wantRight()
	s.write(sale(900, start+150*dayMillis))
	s.wantRight()
}
