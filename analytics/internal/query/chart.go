package query

import (
	"fmt"
	"slices"
	"strings"
)

// ChartKind is a way to draw an answer.
type ChartKind string

// The kinds of charts.
const (
	LineChart    ChartKind = "line"    // a series over the first column, which is a time
	BarChart     ChartKind = "bar"     // a bar for each row
	HeatMapChart ChartKind = "heatmap" // the first column down, the second across
	NumberChart  ChartKind = "number"  // the figures of one row
	CohortChart  ChartKind = "cohort"  // a triangle: the first column down, the second across
	NoChart      ChartKind = "none"    // the table alone
)

// Chart says how a page draws the answer beside its table.
type Chart struct {
	Kind ChartKind
	// Column is the one that is drawn. It is empty for "none", and for "number",
	// which shows all.
	Column string
}

func parseChart(content string) (Chart, error) {
	kind, column, _ := strings.Cut(content, " ")
	chart := Chart{ChartKind(kind), strings.TrimSpace(column)}
	kinds := []ChartKind{LineChart, BarChart, HeatMapChart, NumberChart, CohortChart, NoChart}
	if !slices.Contains(kinds, chart.Kind) {
		return chart, fmt.Errorf("unknown chart %q: want line, bar, heatmap, number, cohort or none, and a column", kind)
	}
	return chart, nil
}

// setChart completes and checks the chart when all columns are known. Without
// an entry "chart", the answer is drawn as the bars that its header names.
func (q *Query) setChart() error {
	if q.Chart.Kind == "" {
		q.Chart.Kind = NoChart
		if q.Bars != "" {
			q.Chart = Chart{BarChart, q.Bars}
		}
		return nil
	}
	if q.Chart.Kind == NoChart || q.Chart.Kind == NumberChart {
		return nil
	}
	if q.Chart.Column == "" {
		q.Chart.Column = q.Bars
	}
	i := slices.IndexFunc(q.Columns, func(c Column) bool { return c.Name == q.Chart.Column })
	if i < 0 {
		return fmt.Errorf("there is no column %q", q.Chart.Column)
	}
	switch q.Columns[i].Type {
	case Integer, Number, Money, Percent:
		return nil
	}
	return fmt.Errorf("column %s holds no numbers", q.Chart.Column)
}
