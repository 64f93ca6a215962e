package batch

import (
	"cmp"
	"math"
)

// Measures are the six figures of every rollup. Stored ones are never negative:
// returns and refunds are counted apart. Those of a batch are, where it takes
// events back.
type Measures struct {
	Purchases     int64
	Returns       int64
	UnitsSold     int64 `db:"units_sold"`
	UnitsReturned int64 `db:"units_returned"`
	Revenue       int64 `db:"revenue_micros"`
	Refunds       int64 `db:"refunds_micros"`
}

// add counts the event, or with sign -1 takes it off.
func (m *Measures) add(e *Event, sign int64) {
	if e.Quantity > 0 {
		m.Purchases += sign
		m.UnitsSold += sign * e.Quantity
		m.Revenue += sign * e.Amount
		return
	}
	m.Returns += sign
	m.UnitsReturned -= sign * e.Quantity
	m.Refunds -= sign * e.Amount
}

// Merge adds the other measures.
func (m *Measures) Merge(o *Measures) {
	m.Purchases += o.Purchases
	m.Returns += o.Returns
	m.UnitsSold += o.UnitsSold
	m.UnitsReturned += o.UnitsReturned
	m.Revenue += o.Revenue
	m.Refunds += o.Refunds
}

// Add counts the event if the sums of money have room for it, and says whether.
// If the totals of a currency have room, so have all other sums in it, which are
// parts of these.
func (m *Measures) Add(e *Event) bool {
	if max(e.Amount, -e.Amount) > math.MaxInt64-max(m.Revenue, m.Refunds, 0) {
		return false
	}
	m.add(e, 1)
	return true
}

// Remove takes off an event that was counted.
func (m *Measures) Remove(e *Event) { m.add(e, -1) }

// Key identifies a row of a rollup. A part that its table does not have is 0.
type Key struct {
	Period   int64 // quarter of an hour, day or month
	ID       int64 // number of the item, user or attribute in the batch, after Translate its integer in the database
	Currency int   // number in the batch
}

// Compare orders as the tables' keys do.
func (a Key) Compare(b Key) int {
	return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Currency, b.Currency))
}

// Sum is a row of a rollup.
type Sum struct {
	Key
	Measures
}

// Sums are what a batch adds to one table.
type Sums struct {
	index map[Key]int // in Rows
	Rows  []Sum
}

func newSums() *Sums { return &Sums{index: map[Key]int{}} }

func (s *Sums) reset() {
	clear(s.index)
	s.Rows = s.Rows[:0]
}

// row returns the key's row. hint is where a row was found last, which is where
// most events find theirs again: those of one item are mostly of one day and in
// one currency.
func (s *Sums) row(k Key, hint *int) *Sum {
	if *hint < len(s.Rows) && s.Rows[*hint].Key == k {
		return &s.Rows[*hint]
	}
	at, ok := s.index[k]
	if !ok {
		at = len(s.Rows)
		s.index[k] = at
		s.Rows = append(s.Rows, Sum{Key: k})
	}
	*hint = at
	return &s.Rows[at]
}

// total adds the finer sums without their period.
func (s *Sums) total(finer *Sums) {
	hint := 0
	for i := range finer.Rows {
		f := &finer.Rows[i]
		s.row(Key{ID: f.ID, Currency: f.Currency}, &hint).Merge(&f.Measures)
	}
}

// Translate puts the database's integers in the place of the batch's numbers.
func (s *Sums) Translate(integers []int64) {
	for i := range s.Rows {
		s.Rows[i].ID = integers[s.Rows[i].ID]
	}
}

// RejectedTotal sums up the rejected records of one reason.
type RejectedTotal struct{ Records, First, Last int64 }

// Statistics are what a batch adds to the rollups.
type Statistics struct {
	Totals, Quarters, Days               *Sums
	Items, ItemDays, Users               *Sums
	Attributes, AttributeDays            *Sums
	OrderDays, UserMonths                *Sums // of purchases that belong to an order; of purchases
	Rejected                             map[string]*RejectedTotal
	Wraps                                bool // a total does not fit, and the sums mean nothing
	total, quarter, day, orderDay        int  // hints
	itemHints, userHints, userMonthHints []int
	attributeHints                       []int
}

func newStatistics() *Statistics {
	s := &Statistics{Rejected: map[string]*RejectedTotal{}}
	for _, sums := range s.all() {
		*sums = newSums()
	}
	return s
}

func (s *Statistics) all() []**Sums {
	return []**Sums{&s.Totals, &s.Quarters, &s.Days, &s.Items, &s.ItemDays, &s.Users, &s.Attributes, &s.AttributeDays,
		&s.OrderDays, &s.UserMonths}
}

func (s *Statistics) reset() {
	for _, sums := range s.all() {
		(*sums).reset()
	}
	clear(s.Rejected)
	s.Wraps = false
}

func (s *Statistics) resetHints(users, items, attributes int) {
	s.total, s.quarter, s.day, s.orderDay = 0, 0, 0, 0
	s.userHints, s.userMonthHints = zeroed(s.userHints, users), zeroed(s.userMonthHints, users)
	s.itemHints, s.attributeHints = zeroed(s.itemHints, items), zeroed(s.attributeHints, attributes)
}

// quarterHour is in milliseconds.
const quarterHour = 15 * 60 * 1000

// add counts an event, or takes it off.
func (s *Statistics) add(a *Counted, attributes []int) {
	e, sign := &a.Event, a.Sign
	total := s.Totals.row(Key{Currency: a.Currency}, &s.total)
	if sign > 0 {
		s.Wraps = !total.Add(e) || s.Wraps
	} else {
		total.add(e, sign)
	}
	s.Quarters.row(Key{Period: e.OccurredAt / quarterHour, Currency: a.Currency}, &s.quarter).add(e, sign)
	s.Days.row(Key{Period: a.Day, Currency: a.Currency}, &s.day).add(e, sign)
	s.ItemDays.row(Key{a.Day, int64(a.Item), a.Currency}, &s.itemHints[a.Item]).add(e, sign)
	s.Users.row(Key{ID: int64(a.User), Currency: a.Currency}, &s.userHints[a.User]).add(e, sign)
	for _, n := range attributes {
		s.AttributeDays.row(Key{a.Day, int64(n), a.Currency}, &s.attributeHints[n]).add(e, sign)
	}
	if e.Quantity < 0 {
		return
	}
	s.UserMonths.row(Key{Period: a.month, ID: int64(a.User)}, &s.userMonthHints[a.User]).add(e, sign)
	if a.Order != None {
		s.OrderDays.row(Key{Period: a.Day, Currency: a.Currency}, &s.orderDay).add(e, sign)
	}
}

// sumUp makes the coarser sums from the finer ones.
func (s *Statistics) sumUp() {
	s.Items.total(s.ItemDays)
	s.Attributes.total(s.AttributeDays)
}

func (s *Statistics) addRejection(r *Rejection) {
	t := s.Rejected[r.Reason]
	if t == nil {
		t = &RejectedTotal{First: r.RejectedAt, Last: r.RejectedAt}
		s.Rejected[r.Reason] = t
	}
	t.Records++
	t.First, t.Last = min(t.First, r.RejectedAt), max(t.Last, r.RejectedAt)
}
