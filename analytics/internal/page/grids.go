package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"purchases/analytics/internal/query"
)

// Grid is a table of coloured cells.
type Grid struct {
	Class   string // of the table
	Corner  string
	Columns []string
	Rows    []GridRow
	Legend  string
}

// GridRow is one line of it.
type GridRow struct {
	Name, Detail string
	Cells        []Cell
}

// Cell has a shade from 0 to 9; empty cells have none.
type Cell struct {
	Text, Title string
	Shade       int
	Empty       bool
}

const shades = 9

func shade(n, most float64) int {
	if n <= 0 || most <= 0 {
		return 0
	}
	return int(math.Ceil(n / most * shades))
}

var weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// newHeatMap shows weekdays down and hours across. An answer of other columns is
// shown by its first two.
func newHeatMap(p Panel, a *Answer) *Grid {
	const hours = 24
	g := &Grid{Class: "heat", Corner: "Day", Legend: words(p.Value) + ", darker is more"}
	if a.column("weekday") < 0 || a.column("hour") < 0 {
		return newMatrix(p, a, g)
	}
	var values [7][hours]float64
	most := 0.0
	for _, row := range a.Rows {
		day, hour := weekday(a.cell(row, "weekday")), a.cell(row, "hour")
		if h, ok := hour.(int64); ok && day >= 0 && h >= 0 && h < hours {
			n, _ := number(a.cell(row, p.Value))
			values[day][h] = n
			most = max(most, n)
		}
	}
	for h := range hours {
		g.Columns = append(g.Columns, fmt.Sprintf("%02d", h))
	}
	for day, name := range weekdays {
		line := GridRow{Name: name[:3], Detail: name}
		for h, n := range values[day] {
			line.Cells = append(line.Cells, Cell{
				Title: fmt.Sprintf("%s %02d:00: %s %s", name, h, group(strconv.FormatFloat(n, 'f', -1, 64)), p.Value),
				Text:  group(strconv.FormatFloat(n, 'f', -1, 64)), Shade: shade(n, most),
			})
		}
		g.Rows = append(g.Rows, line)
	}
	return g
}

func weekday(value any) int {
	for i, name := range weekdays {
		if value == any(name) {
			return i
		}
	}
	return -1
}

// newTriangle shows cohorts: the first column down, the second across.
func newTriangle(p Panel, a *Answer) *Grid {
	g := &Grid{Class: "triangle", Corner: words(a.Columns[0].Name), Legend: a.describe(p.Value)}
	return newMatrix(p, a, g)
}

func newMatrix(p Panel, a *Answer, g *Grid) *Grid {
	rows, columns, cells := axis(a, 0), axis(a, min(1, len(a.Columns)-1)), map[string]Cell{}
	most := 0.0
	for _, row := range a.Rows {
		if n, ok := number(a.cell(row, p.Value)); ok && !whole(row, n) {
			most = max(most, n)
		}
	}
	for _, row := range a.Rows {
		value := a.cell(row, p.Value)
		n, _ := number(value)
		cells[key(row)] = Cell{Text: short0(value), Title: title(a, row), Shade: min(shade(n, most), shades)}
	}
	g.Columns = columns
	for _, name := range rows {
		line := GridRow{Name: name}
		for _, column := range columns {
			cell, known := cells[name+"\x00"+column]
			cell.Empty = !known
			line.Cells = append(line.Cells, cell)
		}
		g.Rows = append(g.Rows, line)
	}
	return g
}

// whole says whether it is the first month of a cohort, which is always 100 %
// and would make all others pale.
func whole(row query.Row, n float64) bool {
	const all = 100
	return n == all && len(row) > 1 && row[1] == any(int64(0))
}

func key(row query.Row) string { return text0(row[0]) + "\x00" + text0(row[min(1, len(row)-1)]) }

func axis(a *Answer, column int) (names []string) {
	known := map[string]bool{}
	for _, row := range a.Rows {
		if name := text0(row[column]); !known[name] {
			known[name] = true
			names = append(names, name)
		}
	}
	return names
}

func short0(value any) string {
	if share, ok := value.(query.Percentage); ok {
		return strconv.FormatFloat(float64(share), 'f', 0, 64)
	}
	return text(value, "")
}

func title(a *Answer, row query.Row) string {
	var parts []string
	for i, c := range a.Columns {
		parts = append(parts, words(c.Name)+": "+text(row[i], ""))
	}
	return strings.Join(parts, ", ")
}

// describe says what a column is.
func (a *Answer) describe(column string) string {
	if i := a.column(column); i >= 0 && a.Columns[i].Description != "" {
		return a.Columns[i].Description
	}
	return words(column)
}
