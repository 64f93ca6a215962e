package store

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/mattn/go-sqlite3"
)

// userMonth is a month, counted from January 1970 UTC, in which a user bought.
type userMonth struct{ user, month int64 }

func newUserMonths(conn *sqlite3.SQLiteConn) *bulk {
	return newBulk(conn, `INSERT INTO user_months (user_id, month)`, 2, `ON CONFLICT DO NOTHING`)
}

func month(ms int64) int64 {
	year, month, _ := time.UnixMilli(ms).UTC().Date()
	return int64(year-1970)*12 + int64(month) - 1
}

// addUserMonths stores the months that are new; the database's triggers count
// the cohorts.
func (w *Writer) addUserMonths(s *statistics) error {
	byUser := func(a, b userMonth) int { return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.month, b.month)) }
	for _, m := range slices.SortedFunc(maps.Keys(s.userMonths), byUser) {
		if err := w.sql.userMonths.add(m.user, m.month); err != nil {
			return err
		}
	}
	_, err := w.sql.userMonths.flush()
	return err
}
