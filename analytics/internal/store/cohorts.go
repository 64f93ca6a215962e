package store

import (
	"cmp"
	"slices"
	"time"
)

// userMonth is a month, counted from January 1970 UTC, in which a user bought.
type userMonth struct{ user, month int64 }

func (a userMonth) compare(b userMonth) int {
	return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.month, b.month))
}

// userMonths are those of a batch. Its users are numbers.
type userMonths struct {
	distinct[userMonth]
	day, month int64 // a day and its month: most events are of one day
}

func newUserMonths() userMonths { return userMonths{distinct: newDistinct[userMonth]()} }

// add returns the month.
func (m *userMonths) add(user, occurredAt int64, hint *int) int64 {
	if day := occurredAt / (24 * time.Hour).Milliseconds(); day != m.day || m.month == 0 {
		m.day, m.month = day, month(occurredAt)
	}
	m.hinted(userMonth{user, m.month}, hint)
	return m.month
}

func month(ms int64) int64 {
	year, month, _ := time.UnixMilli(ms).UTC().Date()
	return int64(year-1970)*12 + int64(month) - 1
}

// addUserMonths stores the months that are new; the database's triggers count
// the cohorts. Those that were stored of late are known to be there.
func (w *Writer) addUserMonths(b *Batch) error {
	if len(w.userMonths) >= maxCached {
		clear(w.userMonths)
	}
	var added []userMonth
	for _, m := range b.stats.userMonths.values {
		m.user = w.names.users.integers[m.user]
		if !w.userMonths[m] {
			w.userMonths[m] = true
			added = append(added, m)
		}
	}
	slices.SortFunc(added, userMonth.compare)
	for _, m := range added {
		if err := w.sql.userMonths.add(m.user, m.month); err != nil {
			return err
		}
	}
	_, err := w.sql.userMonths.flush()
	return err
}
