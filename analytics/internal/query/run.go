package query

import (
	"context"
	"database/sql"
	"errors"
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

// Rows is the answer to a query, read as it is asked for.
type Rows struct {
	columns []Column
	source  Source
}

// Source gives the values of rows as SQLite has them: nil, int64, float64,
// string or []byte.
type Source interface {
	Columns() ([]string, error)
	// All yields the rows once. An error is the last that it yields. A row is
	// valid until the next.
	All() iter.Seq2[Row, error]
	Close() error
}

// Run starts the query on db, which may be a transaction. It fails when the
// SELECT's columns are not the declared ones. The caller closes the rows; ctx
// ends the query.
func (q *Query) Run(ctx context.Context, db sqlx.QueryerContext, args Args) (*Rows, error) {
	bound, err := q.Bound(ctx, db, args)
	if err != nil {
		return nil, err
	}
	source, err := Start(ctx, db, q.SQL, bound)
	if err != nil {
		return nil, fmt.Errorf("run query %s: %w", q.Name, err)
	}
	return q.Read(source)
}

// Read gives the values of a source that has run the query their declared
// types. It fails where the columns are not the declared ones, and then closes
// the source.
func (q *Query) Read(source Source) (*Rows, error) {
	if err := q.checkColumns(source); err != nil {
		return nil, errors.Join(fmt.Errorf("run query %s: %w", q.Name, err), source.Close())
	}
	return &Rows{q.Columns, source}, nil
}

func (q *Query) checkColumns(source Source) error {
	var declared []string
	for _, c := range q.Columns {
		declared = append(declared, c.Name)
	}
	selected, err := source.Columns()
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
		defer r.Close()
		for row, err := range r.source.All() {
			if err == nil {
				err = r.convert(row)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Columns are those of the answer, in its order.
func (r *Rows) Columns() []Column { return r.columns }

// Close ends the query. It does nothing when the rows are closed already.
func (r *Rows) Close() error { return r.source.Close() }

func (r *Rows) convert(row Row) error {
	for i, c := range r.columns {
		value, ok := c.Type.convert(row[i])
		if !ok {
			return fmt.Errorf("read a row: column %s is declared as %s, the SELECT gave %T %.40q", c.Name, c.Type, row[i],
				fmt.Sprint(row[i]))
		}
		row[i] = value
	}
	return nil
}

// databaseRows is the source of an answer that this process reads itself.
type databaseRows struct{ *sql.Rows }

// Start runs one SELECT on db.
func Start(ctx context.Context, db sqlx.QueryerContext, statement string, bound []Arg) (Source, error) {
	named := make([]any, len(bound))
	for i, arg := range bound {
		named[i] = sql.Named(arg.Name, arg.Value)
	}
	rows, err := db.QueryContext(ctx, statement, named...)
	if err != nil {
		return nil, err
	}
	return databaseRows{rows}, nil
}

func (r databaseRows) All() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		names, err := r.Columns()
		row, into := make(Row, len(names)), make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		for err == nil && r.Next() {
			if err = r.Scan(into...); err == nil && !yield(row, nil) {
				return
			}
		}
		if err = errors.Join(err, r.Err()); err != nil {
			yield(nil, fmt.Errorf("read the rows: %w", err))
		}
	}
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
