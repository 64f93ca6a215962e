package store

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"

	"purchases/producer/crashpoint"
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
	id       int64 // of the item, user or attribute
	currency int   // see [currencies]
}

func (a key) compare(b key) int {
	return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.id, b.id), cmp.Compare(a.currency, b.currency))
}

// sums are what a batch adds to one table.
type sums struct {
	batch int64
	place map[key]int // in rows
	rows  []sum
}

// found is where a row was found last, which is where most events find it
// again: those of one item are mostly of one day and in one currency.
type found struct {
	batch int64
	key
	place int
}

type sum struct {
	key
	measures
}

func newSums(batch int64) *sums { return &sums{batch: batch, place: map[key]int{}} }

func (s *sums) row(k key, f *found) *sum {
	if f.batch == s.batch && f.key == k {
		return &s.rows[f.place]
	}
	at, ok := s.place[k]
	if !ok {
		at = len(s.rows)
		s.place[k] = at
		s.rows = append(s.rows, sum{key: k})
	}
	*f = found{s.batch, k, at}
	return &s.rows[at]
}

// total returns the sums with the keys made coarser.
func (s *sums) total(coarser func(key) key) *sums {
	t, f := newSums(s.batch), &found{}
	for i := range s.rows {
		t.row(coarser(s.rows[i].key), f).merge(&s.rows[i].measures)
	}
	return t
}

func withoutPeriod(k key) key { return key{id: k.id, currency: k.currency} }
func onlyCurrency(k key) key  { return key{currency: k.currency} }
func dayOfHour(k key) key     { return key{period: k.period / 24, currency: k.currency} }

// weekHour counts from Monday; 1970 began on a Thursday.
func weekHour(k key) key { return key{period: (k.period + 72) % 168, currency: k.currency} }

// statistics are what a batch adds to the rollups.
type statistics struct {
	hourly, itemDaily, users, attributeDaily *sums
	rejected                                 map[string]*rejectedTotal // by reason
	userMonths                               userMonths
	orders                                   *sums // of purchases that belong to an order, by month
	hour, month                              found
}

type rejectedTotal struct{ records, first, last int64 }

// newStatistics is of a batch whose number no other has had, and is above 0.
func newStatistics(batch int64) *statistics {
	return &statistics{
		hourly: newSums(batch), itemDaily: newSums(batch), users: newSums(batch), attributeDaily: newSums(batch), orders: newSums(batch),
		rejected: map[string]*rejectedTotal{}, userMonths: userMonths{all: map[userMonth]bool{}},
	}
}

func (s *statistics) add(a *accepted, attributes []member) {
	e := &a.Event
	hour, day := e.OccurredAt/time.Hour.Milliseconds(), e.OccurredAt/(24*time.Hour).Milliseconds()
	s.hourly.row(key{period: hour, currency: a.currency}, &s.hour).add(e)
	s.itemDaily.row(key{period: day, id: a.item.id, currency: a.currency}, &a.item.sum).add(e)
	s.users.row(key{id: a.user.id, currency: a.currency}, &a.user.sum).add(e)
	if e.Quantity > 0 {
		month := s.userMonths.add(a.user.id, e.OccurredAt)
		if a.order != nil {
			a.order.buy(a.item.id, month)
			s.orders.row(key{period: month, currency: a.currency}, &s.month).add(e)
		}
	}
	for i := range attributes {
		m := &attributes[i]
		s.attributeDaily.row(key{period: day, id: m.attribute, currency: a.currency}, &m.sum).add(e)
	}
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

// summary is one table of statistics: its key beside the currency, and which of
// the batch's sums it takes.
type summary struct {
	table      string
	period, id string // columns, empty where the table has none
	sums       func(*statistics) *sums
	ranking    *ranking // nil for most
	upsert     *bulk
}

// newSummaries lists the statistics that the database keeps.
func newSummaries(conn driver.Conn) ([]*summary, error) {
	items, users := newRanking(conn, "item_totals", "units_sold"), newRanking(conn, "user_totals", "revenue")
	for _, r := range []*ranking{items, users} {
		if err := r.load(); err != nil {
			return nil, fmt.Errorf("read the leading rows of %s: %w", r.table, err)
		}
	}
	summaries := []*summary{
		{table: "totals", sums: func(s *statistics) *sums { return s.hourly.total(onlyCurrency) }},
		{table: "sales_hourly", period: "hour", sums: func(s *statistics) *sums { return s.hourly }},
		{table: "sales_daily", period: "day", sums: func(s *statistics) *sums { return s.hourly.total(dayOfHour) }},
		{table: "sales_by_week_hour", period: "week_hour", sums: func(s *statistics) *sums { return s.hourly.total(weekHour) }},
		{table: "item_totals", id: "item_id", sums: func(s *statistics) *sums { return s.itemDaily.total(withoutPeriod) }, ranking: items},
		{table: "item_daily", period: "day", id: "item_id", sums: func(s *statistics) *sums { return s.itemDaily }},
		{table: "user_totals", id: "user_id", sums: func(s *statistics) *sums { return s.users }, ranking: users},
		{table: "attribute_totals", id: "attribute_id", sums: func(s *statistics) *sums { return s.attributeDaily.total(withoutPeriod) }},
		{table: "attribute_daily", period: "day", id: "attribute_id", sums: func(s *statistics) *sums { return s.attributeDaily }},
	}
	for _, r := range summaries {
		r.upsert = newUpsert(conn, r)
	}
	return summaries, nil
}

func newUpsert(conn driver.Conn, r *summary) *bulk {
	columns := []string{r.period, r.id, "currency"}
	columns = slices.DeleteFunc(columns, func(c string) bool { return c == "" })
	var sets []string
	for _, c := range strings.Split(measureColumns, ", ") {
		columns = append(columns, c)
		sets = append(sets, c+" = "+c+" + excluded."+c)
	}
	if r.ranking != nil {
		columns = append(columns, "leading")
		sets = append(sets, r.ranking.upsert())
	}
	return newBulk(conn, "INSERT INTO "+r.table+" ("+strings.Join(columns, ", ")+")", len(columns),
		"ON CONFLICT DO UPDATE SET "+strings.Join(sets, ", "))
}

// addStatistics adds the batch's sums to the stored ones.
func (w *Writer) addStatistics(b *batch) error {
	for _, r := range w.summaries {
		crashpoint.At("analytics.rollup.before")
		if err := r.add(r.sums(b.stats), w.currencies); err != nil {
			return fmt.Errorf("add to %s: %w", r.table, err)
		}
		crashpoint.At("analytics.rollup.after")
	}
	if err := w.addUserMonths(b.stats); err != nil {
		return fmt.Errorf("add to user_months: %w", err)
	}
	if err := w.addOrdersMonthly(b); err != nil {
		return fmt.Errorf("add to orders_monthly: %w", err)
	}
	if err := w.addRejectedTotals(b.stats); err != nil {
		return fmt.Errorf("add to rejected_totals: %w", err)
	}
	return w.names.flush()
}

// add takes the rows in the order of the table's key, so that neighbours are
// written together.
func (r *summary) add(s *sums, currencies *currencies) error {
	slices.SortFunc(s.rows, func(a, b sum) int { return a.compare(b.key) })
	if r.ranking != nil {
		r.upsert.last = r.ranking.threshold
	}
	row := make([]driver.Value, 0, r.upsert.columns)
	for i := range s.rows {
		if err := r.upsert.add(r.appendRow(row, &s.rows[i], currencies)...); err != nil {
			return err
		}
	}
	if _, err := r.upsert.flush(); err != nil || r.ranking == nil {
		return err
	}
	return r.ranking.grown(len(s.rows))
}

func (r *summary) appendRow(row []driver.Value, s *sum, currencies *currencies) []driver.Value {
	if r.period != "" {
		row = append(row, s.period)
	}
	if r.id != "" {
		row = append(row, s.id)
	}
	row = append(row, currencies.values[s.currency], s.Purchases, s.Returns, s.UnitsSold, s.UnitsReturned, s.Revenue, s.Refunds)
	if r.ranking != nil {
		row = append(row, r.ranking.leads(&s.measures))
	}
	return row
}

func (r *summary) close() error {
	if r.ranking == nil {
		return r.upsert.close()
	}
	return closeAll(r.upsert, r.ranking)
}

func (w *Writer) addRejectedTotals(s *statistics) error {
	for reason, t := range s.rejected {
		if err := w.sql.rejectedTotals.add(reason, t.records, t.first, t.last); err != nil {
			return err
		}
	}
	_, err := w.sql.rejectedTotals.flush()
	return err
}
