package store_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/zone"
)

// moneyViews has rows in every view that shows money, with amounts whose order as
// text differs from their order as numbers.
func moneyViews(t *testing.T) *database.Database {
	t.Helper()
	db := open(t, events)
	w := newWriter(t, db)
	var list []batch.Record
	for i, micros := range []int64{999_750_000, 168_469_600_000, 20_000_000, 3_500_000, 1, 1_000_000_000_000_000, 0} {
		list = append(list, sale(byte(i), func(e *batch.Event) {
			e.OccurredAt += int64(i) * 31 * dayMillis
			e.User, e.Item, e.Attributes = fmt.Sprint("u", i), fmt.Sprint("i", i), fmt.Sprintf(`{"n":"%d"}`, i)
			e.Quantity, e.Amount = 1, micros
			e.HasAmount = micros > 0
			if i%2 == 1 {
				e.Currency = "EUR"
			}
		}))
	}
	list = append(list, sale(99, func(e *batch.Event) { e.Quantity, e.Amount, e.User = -1, -7_000_000, "u0" }))
	write(t, w, chunk(events, 0, list...))
	return db
}

// columns lists the columns of all views by the view's name.
func columns(t *testing.T, db *database.Database) map[string][]string {
	t.Helper()
	var list []struct{ View, Name string }
	err := db.Select(&list, `SELECT v.name AS view, c.name FROM sqlite_schema v JOIN pragma_table_info(v.name) c WHERE
		v.type = 'view'`)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, c := range list {
		all[c.View] = append(all[c.View], c.Name)
	}
	return all
}

// Money in a view is a number in currency units, which sorts, compares and adds up
// as such, beside the exact micros.
func TestMoneyInViewsIsANumber(t *testing.T) {
	db := moneyViews(t)
	seen := 0
	for view, names := range columns(t, db) {
		for _, micros := range names {
			money, isMoney := strings.CutSuffix(micros, "_micros")
			if !isMoney {
				continue
			}
			if !slices.Contains(names, money) {
				t.Errorf("%s has %s and no %s", view, micros, money)
				continue
			}
			seen++
			wantNumber(t, db, view, money, micros)
		}
	}
	if seen < 20 {
		t.Errorf("only %d columns of money were found", seen)
	}
}

func wantNumber(t *testing.T, db *database.Database, view, money, micros string) {
	t.Helper()
	var exact []int64
	if err := db.Select(&exact, fmt.Sprintf(`SELECT %s FROM %s WHERE %[1]s IS NOT NULL`, micros, view)); err != nil {
		t.Fatal(err)
	}
	if len(exact) < 2 {
		t.Errorf("%s.%s has %d values", view, money, len(exact))
		return
	}
	var sorted []float64
	if err := db.Select(&sorted, fmt.Sprintf(`SELECT %s FROM %s WHERE %[1]s IS NOT NULL ORDER BY %[1]s DESC`, money,
		view)); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(exact, func(a, b int64) int { return int(min(max(b-a, -1), 1)) })
	var sum, above int64
	const limit = 10_000
	for i, n := range exact {
		sum += n
		if n > limit*1_000_000 {
			above++
		}
		if got := sorted[i]; got != float64(n)/1_000_000 {
			t.Errorf("%s ORDER BY %s DESC: row %d is %v, want %v", view, money, i, got, float64(n)/1_000_000)
		}
	}
	var got struct {
		Above    int64
		Max, Sum float64
		Types    string
	}
	err := db.Get(&got, fmt.Sprintf(`SELECT count(*) FILTER (WHERE %[1]s > %[2]d) AS above, max(%[1]s) AS max, sum(%[1]s)
		AS sum,
		group_concat(DISTINCT typeof(%[1]s)) AS types FROM %[3]s WHERE %[1]s IS NOT NULL`, money, limit, view))
	if err != nil {
		t.Fatal(err)
	}
	if got.Above != above || got.Max != float64(exact[0])/1_000_000 || got.Types != "real" {
		t.Errorf("%s.%s: %d above %d, max %v, types %s, want %d, %v, real", view, money, got.Above, limit, got.Max, got.Types,
			above, float64(exact[0])/1_000_000)
	}
	if difference := got.Sum*1_000_000 - float64(sum); difference > 1 || difference < -1 {
		t.Errorf("%s.%s: sum %v, want %v", view, money, got.Sum, float64(sum)/1_000_000)
	}
}

// Every time in a view is RFC 3339 in UTC with milliseconds, every day and month
// a date or its beginning.
func TestTimesInViewsHaveOneForm(t *testing.T) {
	db := moneyViews(t)
	forms := map[string]*regexp.Regexp{
		"_at": regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`), "day": regexp.MustCompile(`^\d{4}-\d\d-\d\d$`),
		"month": regexp.MustCompile(`^\d{4}-\d\d$`),
	}
	for view, names := range columns(t, db) {
		for _, name := range names {
			for suffix, form := range forms {
				if !strings.HasSuffix(name, suffix) {
					continue
				}
				var values []string
				if err := db.Select(&values, fmt.Sprintf(`SELECT %s FROM %s WHERE %[1]s IS NOT NULL`, name, view)); err != nil {
					t.Fatal(err)
				}
				for _, v := range values {
					if !form.MatchString(v) {
						t.Errorf("%s.%s is %q", view, name, v)
					}
				}
			}
		}
	}
}

// Times keep their milliseconds in text, whichever they are.
func TestMillisecondsSurviveTheViews(t *testing.T) {
	db := open(t, events)
	w := newWriter(t, db)
	var list []batch.Record
	for ms := range int64(1000) {
		list = append(list, sale(byte(ms),
			func(e *batch.Event) { e.OccurredAt, e.ID[1] = 1_789_123_456_000+ms, byte(ms>>8) }))
	}
	write(t, w, chunk(events, 0, list...))
	var texts []string
	if err := db.Select(&texts, `SELECT occurred_at FROM event_log ORDER BY offset`); err != nil {
		t.Fatal(err)
	}
	for ms, got := range texts {
		if want := fmt.Sprintf(".%03dZ", ms); !strings.HasSuffix(got, want) {
			t.Fatalf("%s, want it to end in %s", got, want)
		}
	}
}

// Days, months and orders follow the reporting zone; a day may have 23 or 25 hours.
func TestDaysOfTheReportingZone(t *testing.T) {
	at := func(text string) func(*batch.Event) {
		return func(e *batch.Event) { e.OccurredAt = millis(t, text) }
	}
	for _, test := range []struct{ zone, days, orders string }{
		{"UTC", "2024-10-26 1,2024-10-27 3", "2"},
		{"Europe/London", "2024-10-27 4", "1"},
		{"Asia/Kathmandu", "2024-10-27 3,2024-10-28 1", "2"},
		{"America/Los_Angeles", "2024-10-26 3,2024-10-27 1", "2"},
	} {
		db := open(t, events)
		if err := zone.Adopt(t.Context(), db.DB, test.zone); err != nil {
			t.Fatal(err)
		}
		w := newWriter(t, db)
		write(t, w, chunk(events, 0, sale(1, at("2024-10-26T23:00:00Z")), sale(2, at("2024-10-27T00:30:00Z")),
			sale(3, at("2024-10-27T01:30:00Z")), sale(4, at("2024-10-27T23:59:59Z"))))
		if got := get[string](t, db, `SELECT group_concat(day || ' ' || purchases) FROM (SELECT * FROM daily_sales ORDER BY
			day)`); got != test.days {
			t.Errorf("%s: days %s, want %s", test.zone, got, test.days)
		}
		if got := get[string](t, db, `SELECT orders FROM overall_sales`); got != test.orders {
			t.Errorf("%s: %s orders, want %s", test.zone, got, test.orders)
		}
		wantRight(t, db)
		if err := zone.Adopt(t.Context(), db.DB, "Asia/Tokyo"); err == nil ||
			!strings.Contains(err.Error(), "rebuild-rollups --zone Asia/Tokyo") {
			t.Errorf("another zone for a database with events: %v", err)
		}
	}
}

func millis(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMilli()
}
