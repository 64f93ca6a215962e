package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

// Table is an answer as it is.
type Table struct {
	Columns []TableColumn
	Rows    [][]TableCell
	Count   string
}

// TableColumn leads to the same table sorted by it.
type TableColumn struct {
	Name, Hint, URL string
	Numeric         bool
	Sorted          string // ascending, descending or empty
}

// TableCell is one value.
type TableCell struct {
	Text          string
	Numeric, Wide bool
}

func newTable(a *Answer, l *Layout) *Table {
	rows := slices.Clone(a.Rows)
	by, descending := strings.CutPrefix(l.Params.Get("sort"), "-")
	if i := a.column(by); i >= 0 {
		slices.SortStableFunc(rows, func(x, y query.Row) int {
			if descending {
				x, y = y, x
			}
			return compare(x[i], y[i])
		})
	}
	t := &Table{Count: count(int64(len(rows)))}
	for _, c := range a.Columns {
		t.Columns = append(t.Columns, newTableColumn(c, l, by, descending))
	}
	for _, row := range rows {
		currency, _ := a.cell(row, "currency").(string)
		line := make([]TableCell, len(row))
		for i, value := range row {
			_, isNumber := number(value)
			content := plain(value, a.Columns[i], currency)
			const long = 40
			line[i] = TableCell{content, isNumber, len(content) > long}
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

func newTableColumn(c query.Column, l *Layout, by string, descending bool) TableColumn {
	column := TableColumn{Name: words(c.Name), Hint: c.Description, URL: l.with("sort", "-"+c.Name)}
	switch c.Type {
	case query.Integer, query.Number, query.Money, query.Percent:
		column.Numeric = true
	}
	switch {
	case by == c.Name && descending:
		column.Sorted, column.URL = "descending", l.with("sort", c.Name)
	case by == c.Name:
		column.Sorted = "ascending"
	}
	return column
}

// compare orders values of one column; nothing comes first.
func compare(x, y any) int {
	switch {
	case x == nil || y == nil:
		return cmp.Compare(rank(x), rank(y))
	}
	if a, ok := x.(purchase.Micros); ok {
		if b, ok := y.(purchase.Micros); ok {
			return cmp.Compare(a, b)
		}
	}
	a, aIsNumber := number(x)
	b, bIsNumber := number(y)
	if aIsNumber && bIsNumber {
		return cmp.Compare(a, b)
	}
	return strings.Compare(strings.ToLower(fmt.Sprint(x)), strings.ToLower(fmt.Sprint(y)))
}

func rank(value any) int {
	if value == nil {
		return 0
	}
	return 1
}
