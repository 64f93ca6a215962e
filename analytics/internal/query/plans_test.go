package query_test

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/query"
)

var (
	saysItReadsEvents = regexp.MustCompile(`\breads [^.]*\bevents?\b`)
	stepOnEvents      = regexp.MustCompile(`^(SCAN|SEARCH) (events|e)\b`)
)

// Whatever its parameters, a query reads events only where its header says so.
func TestPlansReadEventsOnlyWhereTheHeaderSaysSo(t *testing.T) {
	db, saying := openSmall(t, "sqlite3"), 0
	for _, q := range canned(t) {
		said := saysItReadsEvents.MatchString(q.Description)
		if said {
			saying++
		}
		for _, step := range plan(t, db, q) {
			if stepOnEvents.MatchString(step) && !said {
				t.Errorf("%s reads events, and its header does not say so: %s", q.Name, step)
			}
			if q.Name == "recent" && strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("recent sorts instead of reading the index backwards: %s", step)
			}
		}
	}
	if saying == 0 {
		t.Error("no header says that its query reads events: this test finds nothing")
	}
}

func plan(t *testing.T, db *sqlx.DB, q query.Query) (steps []string) {
	t.Helper()
	args, err := q.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query("EXPLAIN QUERY PLAN "+q.SQL, query.Bound(args)...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil || len(steps) == 0 {
		t.Fatalf("no plan of %s: %v", q.Name, err)
	}
	return steps
}

// manyEvents are more than any query's defaults may read.
const manyEvents = 40_000

// A view of the same name stands before the table and counts the rows that are
// read from it. With its defaults a query reads none, or where its header says
// that it reads events, no more than a fixed number, however many there are.
func TestDefaultsReadFewEvents(t *testing.T) {
	touched := 0
	const driver, most = "sqlite3_counting_events", 25_000
	sql.Register(driver, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("touch", func(int64) bool { touched++; return true }, false)
	}})
	db := openSmall(t, driver)
	// All of one user, of an item that was bought long ago, in no order.
	db.MustExec(`WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ?)
		INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, quantity, currency, processed_at)
		SELECT 1400000000000 + n, randomblob(16), 0, 100 + n, 1, 2, 1, 'GBP', 0 FROM r`, manyEvents)
	db.MustExec(`CREATE TEMP VIEW events AS SELECT * FROM main.events WHERE touch(quantity)`)
	for _, q := range canned(t) {
		touched = 0
		run(t, db, q, nil)
		if touched > most && !strings.Contains(q.Description, "reads every event.") || touched > 0 &&
			!saysItReadsEvents.MatchString(q.Description) {
			t.Errorf("%s read %d events", q.Name, touched)
		}
	}
	q, _ := canned(t).Find("top-users")
	if run(t, db, q, given{"since": "2011-02-01"}); touched < manyEvents {
		t.Errorf("top-users --since read %d events: the count does not work", touched)
	}
}
