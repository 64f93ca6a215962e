package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

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

// key is the key of a row of any rollup; what a rollup has not is zero.
type key struct {
	period   int64 // hours or days since 1970 UTC
	id       int64 // of the user, item or attribute
	currency string
}

func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.period, o.period), cmp.Compare(k.id, o.id), cmp.Compare(k.currency, o.currency))
}

type sums map[key]*measures

func (s sums) row(k key) *measures {
	m := s[k]
	if m == nil {
		m = &measures{}
		s[k] = m
	}
	return m
}

// total adds the rows up over the parts of the key that reduce takes away.
func (s sums) total(reduce func(key) key) sums {
	out := sums{}
	for k, m := range s {
		out.row(reduce(k)).merge(m)
	}
	return out
}

func withoutPeriod(k key) key { return key{id: k.id, currency: k.currency} }
func onlyCurrency(k key) key  { return key{currency: k.currency} }
func dayOfHour(k key) key     { return key{period: k.period / 24, currency: k.currency} }

// weekHour counts from Monday; 1970 began on a Thursday.
func weekHour(k key) key { return key{period: (k.period + 72) % 168, currency: k.currency} }

// statistics are the sums of one batch.
type statistics struct {
	hourly, itemDaily, users, attributeDaily sums
	rejected                                 map[string]*rejectedTotal // by reason
	userMonths                               map[userMonth]bool
	orders                                   map[monthIn]*monthOrders
}

type rejectedTotal struct{ records, first, last int64 }

func newStatistics() *statistics {
	return &statistics{
		hourly: sums{}, itemDaily: sums{}, users: sums{}, attributeDaily: sums{}, rejected: map[string]*rejectedTotal{},
		userMonths: map[userMonth]bool{}, orders: map[monthIn]*monthOrders{},
	}
}

func (s *statistics) add(e *Event, ids *eventNames) {
	hour, day := e.OccurredAt/time.Hour.Milliseconds(), e.OccurredAt/(24*time.Hour).Milliseconds()
	s.hourly.row(key{period: hour, currency: e.Currency}).add(e)
	s.itemDaily.row(key{period: day, id: ids.item, currency: e.Currency}).add(e)
	s.users.row(key{id: ids.user, currency: e.Currency}).add(e)
	if e.Quantity > 0 {
		month := month(e.OccurredAt)
		s.userMonths[userMonth{ids.user, month}] = true
		if order, ok := ids.order.(int64); ok {
			s.addOrder(order, month, e)
		}
	}
	for _, attribute := range ids.attributes {
		s.attributeDaily.row(key{period: day, id: attribute, currency: e.Currency}).add(e)
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

// rollup is one table of statistics: which of the batch's sums it takes, and
// the parts of the key that are its own.
type rollup struct {
	table  string
	sums   func(*statistics) sums
	key    func(key) []any
	upsert *bulk
}

// newRollups lists the statistics that the database keeps.
func newRollups(conn *sqlite3.SQLiteConn) []rollup {
	rollups := []struct {
		rollup
		columns string
	}{
		{rollup{table: "totals", sums: func(s *statistics) sums { return s.hourly.total(onlyCurrency) }, key: byCurrency}, "currency"},
		{rollup{table: "sales_hourly", sums: func(s *statistics) sums { return s.hourly }, key: byPeriod}, "hour, currency"},
		{rollup{table: "sales_daily", sums: func(s *statistics) sums { return s.hourly.total(dayOfHour) }, key: byPeriod}, "day, currency"},
		{rollup{table: "sales_by_week_hour", sums: func(s *statistics) sums { return s.hourly.total(weekHour) }, key: byPeriod}, "week_hour, currency"},
		{rollup{table: "item_totals", sums: func(s *statistics) sums { return s.itemDaily.total(withoutPeriod) }, key: byID}, "item_id, currency"},
		{rollup{table: "item_daily", sums: func(s *statistics) sums { return s.itemDaily }, key: byPeriodAndID}, "day, item_id, currency"},
		{rollup{table: "user_totals", sums: func(s *statistics) sums { return s.users }, key: byID}, "user_id, currency"},
		{rollup{table: "attribute_totals", sums: func(s *statistics) sums { return s.attributeDaily.total(withoutPeriod) }, key: byID}, "attribute_id, currency"},
		{rollup{table: "attribute_daily", sums: func(s *statistics) sums { return s.attributeDaily }, key: byPeriodAndID}, "day, attribute_id, currency"},
	}
	out := make([]rollup, len(rollups))
	for i, r := range rollups {
		r.upsert = newUpsert(conn, r.table, r.columns)
		out[i] = r.rollup
	}
	return out
}

func byCurrency(k key) []any    { return []any{k.currency} }
func byPeriod(k key) []any      { return []any{k.period, k.currency} }
func byID(k key) []any          { return []any{k.id, k.currency} }
func byPeriodAndID(k key) []any { return []any{k.period, k.id, k.currency} }

func newUpsert(conn *sqlite3.SQLiteConn, table, keyColumns string) *bulk {
	columns := strings.Split(keyColumns+", "+measureColumns, ", ")
	var sets []string
	for _, c := range strings.Split(measureColumns, ", ") {
		sets = append(sets, c+" = "+c+" + excluded."+c)
	}
	return newBulk(conn, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+")", len(columns),
		"ON CONFLICT DO UPDATE SET "+strings.Join(sets, ", "))
}

// addStatistics adds the batch's sums to the stored ones, in the order of the
// tables' keys so that neighbouring rows are written together.
func (w *Writer) addStatistics(b *batch) error {
	for _, r := range w.sql.rollups {
		crashpoint.At("analytics.rollup.before")
		if err := r.add(r.sums(b.stats)); err != nil {
			return fmt.Errorf("add to %s: %w", r.table, err)
		}
		crashpoint.At("analytics.rollup.after")
	}
	if err := w.addUserMonths(b.stats); err != nil {
		return fmt.Errorf("add to user_months: %w", err)
	}
	if err := w.addOrdersMonthly(b.stats); err != nil {
		return fmt.Errorf("add to orders_monthly: %w", err)
	}
	if err := w.addRejectedTotals(b.stats); err != nil {
		return fmt.Errorf("add to rejected_totals: %w", err)
	}
	return w.names.flush()
}

func (r *rollup) add(s sums) error {
	keys := make([]key, 0, len(s))
	for k := range s {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, key.compare)
	for _, k := range keys {
		m := s[k]
		row := append(r.key(k), m.Purchases, m.Returns, m.UnitsSold, m.UnitsReturned, m.Revenue, m.Refunds)
		if err := r.upsert.add(row...); err != nil {
			return err
		}
	}
	_, err := r.upsert.flush()
	return err
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
