package store

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/sqlitestmt"
	"purchases/producer/testkit/crashpoint"
)

// summary keeps one table of measures.
type summary struct {
	rollup.Rollup
	ranking   *ranking // nil for most
	upsert    *sqlitestmt.Bulk
	dropEmpty *sqlitestmt.Statement
}

// sumsOf says where the sums of each table stand in a batch.
func sumsOf(table string, b *batch.Batch, n *names) (*batch.Sums, []int64) {
	s := b.Statistics
	switch table {
	case "stats_total":
		return s.Totals, nil
	case "stats_quarter_hour":
		return s.Quarters, nil
	case "stats_day":
		return s.Days, nil
	case "stats_item":
		return s.Items, n.items.integers
	case "stats_item_day":
		return s.ItemDays, n.items.integers
	case "stats_user":
		return s.Users, n.users.integers
	case "stats_attribute":
		return s.Attributes, n.attributeIDs
	case "stats_attribute_day":
		return s.AttributeDays, n.attributeIDs
	}
	panic("no sums of " + table) // a rollup that was added without its sums
}

func newSummaries(conn driver.Conn) ([]*summary, error) {
	var list []*summary
	for _, r := range rollup.Rollups {
		s := &summary{Rollup: r}
		if r.Ranked != "" {
			s.ranking = newRanking(conn, r.Table, r.Ranked)
			if err := s.ranking.load(); err != nil {
				return nil, fmt.Errorf("read the leading rows of %s: %w", r.Table, err)
			}
		}
		s.prepare(conn)
		list = append(list, s)
	}
	return list, nil
}

func (s *summary) prepare(conn driver.Conn) {
	columns := slices.Concat(s.Keys, rollup.Measures)
	var sets []string
	for _, c := range rollup.Measures {
		sets = append(sets, c+" = "+c+" + excluded."+c)
	}
	if s.ranking != nil {
		columns = append(columns, "leading")
		sets = append(sets, s.ranking.upsert())
	}
	s.upsert = sqlitestmt.NewBulk(conn, "INSERT INTO "+s.Table+" ("+strings.Join(columns, ", ")+")", len(columns),
		"ON CONFLICT DO UPDATE SET "+strings.Join(sets, ", "))
	s.dropEmpty = sqlitestmt.New(conn, "DELETE FROM "+s.Table+" WHERE "+strings.Join(s.Keys, " = ? AND ")+
		" = ? AND purchases = 0 AND returns = 0")
}

// add takes the rows in the order of the table's key, so that neighbours are
// written together.
func (s *summary) add(sums *batch.Sums, integers []int64, currencies []string) error {
	if integers != nil {
		sums.Translate(integers)
	}
	slices.SortFunc(sums.Rows, func(a, b batch.Sum) int { return a.Compare(b.Key) })
	if s.ranking != nil {
		s.upsert.Last = s.ranking.threshold
	}
	row := make([]driver.Value, 0, len(s.Keys)+len(rollup.Measures)+1)
	for i := range sums.Rows {
		if err := s.upsert.Add(s.appendRow(row, &sums.Rows[i], currencies)...); err != nil {
			return err
		}
	}
	if _, err := s.upsert.Flush(); err != nil || s.ranking == nil {
		return err
	}
	return s.ranking.grown(len(sums.Rows))
}

func (s *summary) appendRow(row []driver.Value, sum *batch.Sum, currencies []string) []driver.Value {
	row = s.appendKey(row, sum, currencies)
	row = append(row, sum.Purchases, sum.Returns, sum.UnitsSold, sum.UnitsReturned, sum.Revenue, sum.Refunds)
	if s.ranking != nil {
		row = append(row, s.ranking.leads(&sum.Measures))
	}
	return row
}

func (s *summary) appendKey(row []driver.Value, sum *batch.Sum, currencies []string) []driver.Value {
	for _, key := range s.Keys {
		switch {
		case key == "currency":
			row = append(row, currencies[sum.Currency])
		case strings.HasSuffix(key, "_id"):
			row = append(row, sum.ID)
		default:
			row = append(row, sum.Period)
		}
	}
	return row
}

// Close frees the statements.
func (s *summary) Close() error {
	if s.ranking == nil {
		return sqlitestmt.CloseAll(s.upsert, s.dropEmpty)
	}
	return sqlitestmt.CloseAll(s.upsert, s.dropEmpty, s.ranking)
}

// addStatistics adds the batch's sums to the stored ones.
func (w *Writer) addStatistics(b *batch.Batch) error {
	for _, s := range w.summaries {
		crashpoint.At("analytics.rollup.before")
		sums, integers := sumsOf(s.Table, b, w.names)
		if err := s.add(sums, integers, b.Currencies.Values); err != nil {
			return fmt.Errorf("add to %s: %w", s.Table, err)
		}
		crashpoint.At("analytics.rollup.after")
	}
	if err := w.addUserMonths(b); err != nil {
		return fmt.Errorf("add to stats_user_month: %w", err)
	}
	if err := w.orders.add(b, w.names); err != nil {
		return err
	}
	if err := w.rejections.sumUp(b); err != nil {
		return fmt.Errorf("add to stats_rejected: %w", err)
	}
	if err := w.names.save(b); err != nil || !b.Removes() {
		return err
	}
	return w.dropEmpty(b)
}

// addUserMonths counts the purchases of each user and month; the database's
// triggers count the cohorts.
func (w *Writer) addUserMonths(b *batch.Batch) error {
	months := b.Statistics.UserMonths
	months.Translate(w.names.users.integers)
	slices.SortFunc(months.Rows, func(x, y batch.Sum) int {
		return cmp.Or(cmp.Compare(x.ID, y.ID), cmp.Compare(x.Period, y.Period))
	})
	for i := range months.Rows {
		m := &months.Rows[i]
		if err := w.sql.userMonths.Add(m.ID, m.Period, m.Purchases); err != nil {
			return err
		}
	}
	_, err := w.sql.userMonths.Flush()
	return err
}
