package verify_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/verify"
	"purchases/analytics/internal/zone"
)

// prune deletes the events before the day.
func prune(t *testing.T, path, day string) {
	t.Helper()
	db, err := database.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	z, err := zone.Stored(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := retention.ParseBefore(day, time.Now(), z)
	if err != nil {
		t.Fatal(err)
	}
	p, err := retention.Prepare(t.Context(), db, path, z.Name, kept)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := retention.Run(t.Context(), p, func(int64) {}); err != nil || r.Events < 50 || r.Events > 150 {
		t.Fatalf("pruned %+v, %v", r, err)
	}
}

func TestAllIsRightAfterAPrune(t *testing.T) {
	path := fill(t)
	prune(t, path, "2001-09-11")
	report := run(t, path)
	if len(report.Differences) > 0 || report.Events != 200 || report.Pruned < 50 {
		t.Errorf("report %+v", report)
	}
}

// After a prune too, a bit that flips in an event that is left is found, and in what
// else is stored once but for the names of pruned events.
func TestEachFlippedBitIsFoundAfterAPrune(t *testing.T) {
	path := fill(t)
	retractSome(t, path)
	prune(t, path, "2001-09-11")
	db := openUnchecked(t, path)
	random := rand.New(rand.NewPCG(1, 1))
	for table, columns := range once {
		if slices.Contains([]string{"users", "items", "orders"}, table) {
			continue
		}
		for _, column := range columns {
			for range 5 {
				flip(t, db, table, column, random)
			}
		}
	}
}

// unseen are what verify does not see in rows of the days before what is kept: there
// is nothing to compare it with, see docs/operations.md.
var unseen = []string{"stats_day.order_units_sold", "stats_day.order_revenue_micros",
	"stats_quarter_hour.quarter_hour", "stats_attribute_day.day", "order_items.item_id"}

// A statistic that is changed by one number is found, also before what is kept.
func TestEachChangedStatisticIsFoundAfterAPrune(t *testing.T) {
	path := fill(t)
	prune(t, path, "2001-09-11")
	db := openUnchecked(t, path)
	for _, s := range rollup.Statistics() {
		for _, column := range s.Columns() {
			skip := slices.Contains(unseen, s.Table+"."+column) || s.Table == "stats_rejected"
			if skip || column == "currency" || column == "leading" {
				continue
			}
			for _, end := range []string{"min", "max"} {
				changeStatistic(t, db, s, column, end)
			}
		}
	}
	for _, column := range []string{"events", "last_offset", "checksum"} {
		wantFound(t, db, fmt.Sprintf(`UPDATE internal_pruned SET %s = %[1]s + 1000`, column))
	}
}

// changeStatistic changes the first row or the last one in the order of the key.
func changeStatistic(t *testing.T, db *sqlx.DB, s rollup.Statistic, column, end string) {
	t.Helper()
	order := ""
	if end == "max" {
		order = " DESC"
	}
	keys := strings.Join(s.Keys, ", ")
	// A key that many rows share moves far away, so that no two rows become one.
	by := 1
	if slices.Contains(s.Keys, column) {
		by = 1000
	}
	first := strings.Join(s.Keys, order+", ") + order + " LIMIT 1"
	wantFound(t, db, fmt.Sprintf(`UPDATE %s SET %s = %[2]s + %d WHERE (%[4]s) = (SELECT %[4]s FROM %[1]s ORDER BY %s)`,
		s.Table, column, by, keys, first))
}

// wantFound makes the change, wants it to be found, and takes it back.
func wantFound(t *testing.T, db *sqlx.DB, statement string) {
	t.Helper()
	tx := db.MustBegin()
	defer func() { _ = tx.Rollback() }()
	result, err := tx.Exec(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		t.Errorf("%s changes nothing", statement)
	}
	report, err := verify.In(t.Context(), tx)
	if err == nil && len(report.Differences) == 0 {
		t.Errorf("%s is not found", statement)
	}
}
