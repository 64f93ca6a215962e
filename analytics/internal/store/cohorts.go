package store

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// userMonth is a month, counted from January 1970 UTC, in which a user bought.
type userMonth struct{ user, month int64 }

// userMonths are those of a batch.
type userMonths struct {
	all        map[userMonth]bool
	last       userMonth // events of one user follow each other
	day, month int64     // a day and its month: most events are of one day
}

// add returns the month.
func (m *userMonths) add(user, occurredAt int64) int64 {
	if day := occurredAt / (24 * time.Hour).Milliseconds(); day != m.day || m.month == 0 {
		m.day, m.month = day, month(occurredAt)
	}
	if one := (userMonth{user, m.month}); one != m.last {
		m.all[one], m.last = true, one
	}
	return m.month
}

func month(ms int64) int64 {
	year, month, _ := time.UnixMilli(ms).UTC().Date()
	return int64(year-1970)*12 + int64(month) - 1
}

// addUserMonths stores the months that are new; the database's triggers count
// the cohorts. Those that were stored of late are known to be there.
func (w *Writer) addUserMonths(s *statistics) error {
	if len(w.userMonths) >= maxCached {
		clear(w.userMonths)
	}
	byUser := func(a, b userMonth) int { return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.month, b.month)) }
	for _, m := range slices.SortedFunc(maps.Keys(s.userMonths.all), byUser) {
		if w.userMonths[m] {
			continue
		}
		w.userMonths[m] = true
		if err := w.sql.userMonths.add(m.user, m.month); err != nil {
			return err
		}
	}
	_, err := w.sql.userMonths.flush()
	return err
}
