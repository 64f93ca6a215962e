package query

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"purchases/producer/purchase"
)

// Percentage is a number of hundredths.
type Percentage float64

// String writes the number with two decimals and without a sign: "5.30".
func (p Percentage) String() string { return strconv.FormatFloat(float64(p), 'f', 2, 64) }

// Row has a value for each column: nil, or of the type that [ColumnType] names.
type Row []any

// Rows is the answer to a query, read from the database as it is asked for.
type Rows struct {
	columns []Column
	rows    *sql.Rows
}

// Run starts the query on db, which may be a transaction. It fails when the
// SELECT's columns are not the declared ones. The caller closes the rows; ctx
// ends the query.
func (q *Query) Run(ctx context.Context, db sqlx.QueryerContext, args Args) (*Rows, error) {
	var reporting clock
	var err error
	if args.needClock() {
		if reporting, err = reportingClock(ctx, db); err != nil {
			return nil, fmt.Errorf("run query %s: %w", q.Name, err)
		}
	}
	rows, err := db.QueryContext(ctx, q.SQL, args.named(reporting)...)
	if err != nil {
		return nil, fmt.Errorf("run query %s: %w", q.Name, err)
	}
	if err := q.checkColumns(rows); err != nil {
		_ = rows.Close()
		return nil, fmt.Errorf("run query %s: %w", q.Name, err)
	}
	return &Rows{q.Columns, rows}, nil
}

func (q *Query) checkColumns(rows *sql.Rows) error {
	var declared []string
	for _, c := range q.Columns {
		declared = append(declared, c.Name)
	}
	selected, err := rows.Columns()
	if err != nil {
		return err
	}
	if !slices.Equal(declared, selected) {
		return fmt.Errorf("its header declares the columns %q, its SELECT has %q", declared, selected)
	}
	return nil
}

// All yields the rows once and closes them. An error is the last that it
// yields: the rows before it are then not the whole answer. A row is valid
// until the next.
func (r *Rows) All() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		defer r.rows.Close()
		row := make(Row, len(r.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		for r.rows.Next() {
			err := r.scan(row, into)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := r.rows.Err(); err != nil {
			yield(nil, fmt.Errorf("read the rows: %w", err))
		}
	}
}

// Columns are those of the answer, in its order.
func (r *Rows) Columns() []Column { return r.columns }

// Close ends the query. It does nothing when the rows are closed already.
func (r *Rows) Close() error { return r.rows.Close() }

func (r *Rows) scan(row Row, into []any) error {
	if err := r.rows.Scan(into...); err != nil {
		return fmt.Errorf("read a row: %w", err)
	}
	for i, c := range r.columns {
		value, ok := c.Type.convert(row[i])
		if !ok {
			return fmt.Errorf("read a row: column %s is declared as %s, the SELECT gave %T %.40q", c.Name, c.Type, row[i], fmt.Sprint(row[i]))
		}
		row[i] = value
	}
	return nil
}

// convert gives a value from SQLite its declared type.
func (t ColumnType) convert(value any) (converted any, ok bool) {
	if value == nil {
		return nil, true
	}
	switch t {
	case Money:
		n, ok := value.(int64)
		return purchase.Micros(n), ok
	case Integer:
		_, ok = value.(int64)
	case Percent:
		return percentage(value)
	case Number:
		return number(value)
	case Text, Time:
		_, ok = value.(string)
	case Any:
		ok = true
	}
	return value, ok
}

// number leaves out what JSON has no number for.
func number(value any) (any, bool) {
	switch n := value.(type) {
	case int64:
		return n, true
	case float64:
		return n, !math.IsInf(n, 0)
	}
	return nil, false
}

func percentage(value any) (Percentage, bool) {
	switch n := value.(type) {
	case int64:
		return Percentage(n), true
	case float64:
		return Percentage(n), !math.IsInf(n, 0)
	}
	return 0, false
}
