package store

import (
	"database/sql/driver"
	"fmt"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/sqlitestmt"
)

// ranking marks the leading rows of a table: every row whose measure has
// reached the threshold, which at least the best thousand have, or all while
// there are fewer. While measures only grow, a row gets there only by a batch that
// adds to it, and the threshold never falls either. The index of the leading
// rows stays small, and most rows change without changing it. A batch that takes
// events back may make rows fall behind the threshold.
type ranking struct {
	table, measure   string
	threshold        int64
	added            int // rows, since the threshold was last raised
	nth, best, count *sqlitestmt.Statement
	retire, lead     *sqlitestmt.Statement
}

func newRanking(conn driver.Conn, table, measure string) *ranking {
	return &ranking{
		table: table, measure: measure,
		nth: sqlitestmt.New(conn, fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE leading ORDER BY %[1]s DESC LIMIT 1 OFFSET %[3]d`,
			measure, table, rollup.Leaders-1)),
		best: sqlitestmt.New(conn, fmt.Sprintf(`SELECT %[1]s FROM %[2]s NOT INDEXED WHERE purchases > 0 ORDER BY %[1]s DESC
			LIMIT 1 OFFSET %[3]d`,
			measure, table, 2*rollup.Leaders-1)),
		count: sqlitestmt.New(conn, fmt.Sprintf(`SELECT count(*) FROM %s WHERE leading`, table)),
		retire: sqlitestmt.New(conn, fmt.Sprintf(`UPDATE %s SET leading = 0 WHERE leading AND (%s < ? OR purchases = 0)`,
			table, measure)),
		lead: sqlitestmt.New(conn, fmt.Sprintf(`UPDATE %s SET leading = 1 WHERE NOT leading AND purchases > 0 AND %s >= ?`,
			table, measure)),
	}
}

// load finds the threshold, which is 0 while there are too few rows.
func (r *ranking) load() (err error) {
	r.threshold, err = r.nth.Integer()
	return err
}

// upsert is the assignment for a row that is there already. Its parameter is
// the threshold.
func (r *ranking) upsert() string {
	return fmt.Sprintf("leading = leading OR (purchases + excluded.purchases > 0 AND %s + excluded.%[1]s >= ?)", r.measure)
}

// leads says whether a row that is new leads: a row without a purchase never does.
func (r *ranking) leads(m *batch.Measures) bool {
	reached := m.UnitsSold
	if r.measure == "revenue_micros" {
		reached = m.Revenue
	}
	return m.Purchases > 0 && reached >= r.threshold
}

// grown raises the threshold from time to time: after as many rows as can make
// the leading ones twice as many.
func (r *ranking) grown(rows int) error {
	if r.added += rows; r.added < rollup.Leaders {
		return nil
	}
	r.added = 0
	if err := r.load(); err != nil {
		return err
	}
	_, err := r.retire.Exec(r.threshold)
	return err
}

// fallen retires the rows that have fallen behind the threshold. Where fewer than
// a thousand are left, it finds the leading rows anew, twice as many, so that it
// need not do so again soon.
func (r *ranking) fallen() (err error) {
	if _, err := r.retire.Exec(r.threshold); err != nil {
		return err
	}
	left, err := r.count.Integer()
	if err != nil || left >= rollup.Leaders || r.threshold == 0 {
		return err
	}
	if r.threshold, err = r.best.Integer(); err != nil {
		return err
	}
	_, err = r.lead.Exec(r.threshold)
	return err
}

// Close frees the statements.
func (r *ranking) Close() error { return sqlitestmt.CloseAll(r.nth, r.best, r.count, r.retire, r.lead) }
