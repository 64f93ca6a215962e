package render

import (
	"cmp"
	"slices"
	"strconv"

	"purchases/analytics/internal/query"
)

// cohort turns rows of (down, across, ...) into a triangle: a row for each value
// of the first column, and a column for each of the second, with the values of
// the column that the options name. Other columns are those of a row's first.
func (t *tableWriter) cohort() {
	value := slices.IndexFunc(t.columns, func(c query.Column) bool { return c.Name == t.options.Cohort })
	if value < 2 || len(t.cells) == 0 {
		return
	}
	across := t.distinctNumbers(1)
	var kept []int // columns beside the triangle
	var columns []query.Column
	for i, c := range t.columns {
		if i != 1 && i != value {
			kept, columns = append(kept, i), append(columns, c)
		}
	}
	var rows [][]string
	for n, cells := range t.cells {
		if len(rows) == 0 || rows[len(rows)-1][0] != cells[0] {
			row := make([]string, len(kept)+len(across))
			for to, from := range kept {
				row[to] = cells[from]
			}
			rows = append(rows, row)
		}
		at, _ := slices.BinarySearch(across, t.numbers[1][n])
		rows[len(rows)-1][len(kept)+at] = t.short(value, n)
	}
	t.options.Optional = nil
	for _, number := range slices.Backward(across) {
		t.options.Optional = append(t.options.Optional, strconv.Itoa(int(number)))
	}
	for _, number := range across {
		columns = append(columns, query.Column{Name: strconv.Itoa(int(number)), Type: query.Number})
	}
	t.columns, t.cells, t.options.Bar = columns, rows, ""
}

// short is a value of the triangle: a percentage without its decimals.
func (t *tableWriter) short(column, row int) string {
	if t.columns[column].Type == query.Percent && t.cells[row][column] != "" {
		return strconv.FormatFloat(t.numbers[column][row], 'f', 0, 64) + "%"
	}
	return t.cells[row][column]
}

// distinctNumbers are the column's values in their order.
func (t *tableWriter) distinctNumbers(column int) []float64 {
	numbers := slices.Clone(t.numbers[column])
	slices.SortFunc(numbers, cmp.Compare[float64])
	return slices.Compact(numbers)
}
