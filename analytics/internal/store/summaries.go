package store

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"purchases/producer/testkit/crashpoint"
)

// summary is one table of statistics: its key beside the currency, which of the
// batch's sums it takes, and whose integers it has.
type summary struct {
	table      string
	period, id string // columns, empty where the table has none
	sums       func(*statistics) *sums
	integers   func(*names) []int64 // by number in the batch, nil without an id
	ranking    *ranking             // nil for most
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
	itemsOf := func(n *names) []int64 { return n.items.integers }
	usersOf := func(n *names) []int64 { return n.users.integers }
	attributesOf := func(n *names) []int64 { return n.attributeIDs }
	summaries := []*summary{
		{table: "totals", sums: func(s *statistics) *sums { return s.totals }},
		{table: "sales_hourly", period: "hour", sums: func(s *statistics) *sums { return s.hourly }},
		{table: "sales_daily", period: "day", sums: func(s *statistics) *sums { return s.daily }},
		{table: "sales_by_week_hour", period: "week_hour", sums: func(s *statistics) *sums { return s.weekHours }},
		{table: "item_totals", id: "item_id", sums: func(s *statistics) *sums { return s.items }, integers: itemsOf, ranking: items},
		{table: "item_daily", period: "day", id: "item_id", sums: func(s *statistics) *sums { return s.itemDaily }, integers: itemsOf},
		{table: "user_totals", id: "user_id", sums: func(s *statistics) *sums { return s.users }, integers: usersOf, ranking: users},
		{table: "attribute_totals", id: "attribute_id", sums: func(s *statistics) *sums { return s.attributes }, integers: attributesOf},
		{table: "attribute_daily", period: "day", id: "attribute_id", sums: func(s *statistics) *sums { return s.attributeDaily }, integers: attributesOf},
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
func (w *Writer) addStatistics(b *Batch) error {
	for _, r := range w.summaries {
		crashpoint.At("analytics.rollup.before")
		s := r.sums(b.stats)
		if r.integers != nil {
			s.translate(r.integers(w.names))
		}
		if err := r.add(s, b.currencies.values); err != nil {
			return fmt.Errorf("add to %s: %w", r.table, err)
		}
		crashpoint.At("analytics.rollup.after")
	}
	if err := w.addUserMonths(b); err != nil {
		return fmt.Errorf("add to user_months: %w", err)
	}
	if err := w.addOrdersMonthly(b); err != nil {
		return fmt.Errorf("add to orders_monthly: %w", err)
	}
	if err := w.addRejectedTotals(b.stats); err != nil {
		return fmt.Errorf("add to rejected_totals: %w", err)
	}
	return w.names.saveLabels(b)
}

// translate puts the database's integers in the place of the batch's numbers.
func (s *sums) translate(integers []int64) {
	for i := range s.rows {
		s.rows[i].id = integers[s.rows[i].id]
	}
}

// add takes the rows in the order of the table's key, so that neighbours are
// written together.
func (r *summary) add(s *sums, currencies []string) error {
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

func (r *summary) appendRow(row []driver.Value, s *sum, currencies []string) []driver.Value {
	if r.period != "" {
		row = append(row, s.period)
	}
	if r.id != "" {
		row = append(row, s.id)
	}
	row = append(row, currencies[s.currency], s.Purchases, s.Returns, s.UnitsSold, s.UnitsReturned, s.Revenue, s.Refunds)
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
