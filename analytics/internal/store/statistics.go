package store

import (
	"cmp"
	"math"
	"time"
)

// measures are the six figures that every rollup keeps. None is negative:
// returns and refunds are counted apart.
type measures struct {
	Purchases     int64
	Returns       int64
	UnitsSold     int64 `db:"units_sold"`
	UnitsReturned int64 `db:"units_returned"`
	Revenue       int64 // micros
	Refunds       int64 // micros
}

const measureColumns = `purchases, returns, units_sold, units_returned, revenue, refunds`

func (m *measures) add(e *Event) {
	if e.Quantity > 0 {
		m.Purchases++
		m.UnitsSold += e.Quantity
		m.Revenue += e.amount()
		return
	}
	m.Returns++
	m.UnitsReturned -= e.Quantity
	m.Refunds += e.amount()
}

// hasRoom says whether the amount can be added. If the totals of a currency have
// room, so have all other sums in it, which are parts of these.
func (m *measures) hasRoom(amount int64) bool {
	return amount <= math.MaxInt64-max(m.Revenue, m.Refunds)
}

func (m *measures) merge(o *measures) {
	m.Purchases += o.Purchases
	m.Returns += o.Returns
	m.UnitsSold += o.UnitsSold
	m.UnitsReturned += o.UnitsReturned
	m.Revenue += o.Revenue
	m.Refunds += o.Refunds
}

// key identifies a row of a rollup. A part that its table does not have is 0.
type key struct {
	period   int64 // the hour or the day, counted from 1970 UTC
	id       int64 // the number of the item, user or attribute in the batch, later its integer in the database
	currency int   // its number in the batch
}

func (a key) compare(b key) int {
	return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.id, b.id), cmp.Compare(a.currency, b.currency))
}

// sums are what a batch adds to one table.
type sums struct {
	place map[key]int // in rows
	rows  []sum
}

type sum struct {
	key
	measures
}

func newSums() *sums { return &sums{place: map[key]int{}} }

func (s *sums) reset() {
	clear(s.place)
	s.rows = s.rows[:0]
}

// row returns the key's row. hint is where a row was found last, which is where
// most events find theirs again: those of one item are mostly of one day and in
// one currency.
func (s *sums) row(k key, hint *int) *sum {
	if *hint < len(s.rows) && s.rows[*hint].key == k {
		return &s.rows[*hint]
	}
	at, ok := s.place[k]
	if !ok {
		at = len(s.rows)
		s.place[k] = at
		s.rows = append(s.rows, sum{key: k})
	}
	*hint = at
	return &s.rows[at]
}

// total adds the finer sums with their keys made coarser.
func (s *sums) total(finer *sums, coarser func(key) key) {
	hint := 0
	for i := range finer.rows {
		s.row(coarser(finer.rows[i].key), &hint).merge(&finer.rows[i].measures)
	}
}

func withoutPeriod(k key) key { return key{id: k.id, currency: k.currency} }
func dayOfHour(k key) key     { return key{period: k.period / 24, currency: k.currency} }

// weekHour counts from Monday; 1970 began on a Thursday.
func weekHour(k key) key { return key{period: (k.period + 72) % 168, currency: k.currency} }

// statistics are what a batch adds to the rollups.
type statistics struct {
	totals, hourly, daily, weekHours             *sums
	itemDaily, items, attributeDaily, attributes *sums
	users                                        *sums
	orders                                       *sums // of purchases that belong to an order, by month
	userMonths                                   userMonths
	rejected                                     map[string]*rejectedTotal // by reason
	wrapped                                      bool                      // a total does not fit, and the sums mean nothing
}

type rejectedTotal struct{ records, first, last int64 }

func newStatistics() *statistics {
	s := &statistics{userMonths: newUserMonths(), rejected: map[string]*rejectedTotal{}}
	for _, place := range s.all() {
		*place = newSums()
	}
	return s
}

func (s *statistics) all() []**sums {
	return []**sums{&s.totals, &s.hourly, &s.daily, &s.weekHours, &s.itemDaily, &s.items, &s.attributeDaily, &s.attributes, &s.users, &s.orders}
}

func (s *statistics) reset() {
	for _, all := range s.all() {
		(*all).reset()
	}
	s.userMonths.reset()
	clear(s.rejected)
	s.wrapped = false
}

// hints are those of the sums' rows.
type hints struct {
	total, hour, month                   int
	items, users, userMonths, attributes []int
}

func (h *hints) reset(b *Batch) {
	users := len(b.users.values)
	h.users, h.userMonths = zeroed(h.users, users), zeroed(h.userMonths, users)
	h.items, h.attributes = zeroed(h.items, len(b.items.values)), zeroed(h.attributes, len(b.attributes.values))
}

// add returns the month of the event if that is a purchase.
func (s *statistics) add(a *accepted, h *hints) (month int64) {
	e := &a.Event
	total := s.totals.row(key{currency: a.currency}, &h.total)
	s.wrapped = s.wrapped || !total.hasRoom(e.amount())
	total.add(e)
	hour := e.OccurredAt / time.Hour.Milliseconds()
	s.hourly.row(key{period: hour, currency: a.currency}, &h.hour).add(e)
	s.itemDaily.row(key{period: day(e), id: int64(a.item), currency: a.currency}, &h.items[a.item]).add(e)
	s.users.row(key{id: int64(a.user), currency: a.currency}, &h.users[a.user]).add(e)
	if e.Quantity < 0 {
		return 0
	}
	month = s.userMonths.add(int64(a.user), e.OccurredAt, &h.userMonths[a.user])
	if a.order != none {
		s.orders.row(key{period: month, currency: a.currency}, &h.month).add(e)
	}
	return month
}

func (s *statistics) addAttributes(a *accepted, members []int, h *hints) {
	for _, m := range members {
		s.attributeDaily.row(key{period: day(&a.Event), id: int64(m), currency: a.currency}, &h.attributes[m]).add(&a.Event)
	}
}

func day(e *Event) int64 { return e.OccurredAt / (24 * time.Hour).Milliseconds() }

// total makes the coarser sums from the finer ones.
func (s *statistics) total() {
	s.daily.total(s.hourly, dayOfHour)
	s.weekHours.total(s.hourly, weekHour)
	s.items.total(s.itemDaily, withoutPeriod)
	s.attributes.total(s.attributeDaily, withoutPeriod)
}

func (s *statistics) addRejection(r *Rejection) {
	t := s.rejected[r.Reason]
	if t == nil {
		t = &rejectedTotal{first: r.RejectedAt, last: r.RejectedAt}
		s.rejected[r.Reason] = t
	}
	t.records++
	t.first, t.last = min(t.first, r.RejectedAt), max(t.last, r.RejectedAt)
}
