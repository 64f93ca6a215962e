package render

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/guptarohit/asciigraph"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

const (
	plotHeight   = 12 // lines
	plotWidth    = 80 // columns, where the terminal does not say
	narrowPlot   = 20
	plotAxisRoom = 16 // for the numbers at the side and the axis
)

// series is what one plot shows.
type series struct {
	currency string
	points   []point
}

type point struct {
	at    string // the first column
	value float64
}

// Plot draws the column's numbers over the first column, which is a time, one
// chart for each currency, and returns how many rows it read.
func Plot(w io.Writer, a Answer, column string, width int) (rows int, err error) {
	value := slices.IndexFunc(a.Columns, func(c query.Column) bool { return c.Name == column })
	if value < 0 {
		return 0, fmt.Errorf("there is no column %q to plot", column)
	}
	money := currencyColumn(a.Columns)
	var all []*series
	for row, err := range a.Rows {
		if err != nil {
			return rows, err
		}
		rows++
		currency := ""
		if money >= 0 {
			currency = text(row[money])
		}
		s := seriesOf(&all, currency)
		s.points = append(s.points, point{text(row[0]), plotted(row[value])})
	}
	for _, s := range all {
		if _, err := fmt.Fprintln(w, s.draw(column, width)); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func seriesOf(all *[]*series, currency string) *series {
	i := slices.IndexFunc(*all, func(s *series) bool { return s.currency == currency })
	if i < 0 {
		*all = append(*all, &series{currency: currency})
		i = len(*all) - 1
	}
	return (*all)[i]
}

// plotted is the value as it stands at the axis, a gap where there is none.
func plotted(value any) float64 {
	if value == nil {
		return math.NaN()
	}
	if _, isMoney := value.(purchase.Micros); isMoney {
		return number(value) / microsPerUnit
	}
	return number(value)
}

func (s *series) draw(column string, width int) string {
	if width == 0 {
		width = plotWidth
	}
	title := column
	if s.currency != "" {
		title += " in " + s.currency
	}
	slices.SortStableFunc(s.points, func(a, b point) int { return strings.Compare(a.at, b.at) })
	var values []float64
	for _, p := range s.points {
		values = append(values, p.value)
	}
	if len(values) == 1 { // a line needs two points
		values = append(values, values[0])
	}
	decimals := 0
	if top := slices.MaxFunc(values, cmp.Compare[float64]); top < 10 {
		decimals = 2
	}
	return asciigraph.Plot(values,
		asciigraph.Height(plotHeight), asciigraph.Width(max(width-plotAxisRoom, narrowPlot)), asciigraph.LowerBound(0),
		asciigraph.Caption(fmt.Sprintf("%s, %s to %s", title, s.points[0].at, s.points[len(s.points)-1].at)),
		asciigraph.YAxisValueFormatter(func(v float64) string { return group(fmt.Sprintf("%.*f", decimals, v)) }))
}
