package query_test

import (
	"strings"
	"testing"

	"purchases/analytics/internal/query"
)

func TestCharts(t *testing.T) {
	for header, want := range map[string]query.Chart{
		"":                               {Kind: query.NoChart},
		"-- bars: n\n":                   {Kind: query.BarChart, Column: "n"},
		"-- bars: n\n-- chart: none\n":   {Kind: query.NoChart},
		"-- bars: n\n-- chart: line\n":   {Kind: query.LineChart, Column: "n"},
		"-- chart: line m\n-- bars: n\n": {Kind: query.LineChart, Column: "m"},
		"-- chart: number\n":             {Kind: query.NumberChart},
		"-- chart: heatmap n\n":          {Kind: query.HeatMapChart, Column: "n"},
		"-- chart:   cohort   n\n":       {Kind: query.CohortChart, Column: "n"},
	} {
		text := "-- title: T\n-- column d: time\n-- column n: integer\n-- column m: money\n" + header + "SELECT 1"
		q, err := query.Parse("t.sql", text)
		if err != nil || q.Chart != want {
			t.Errorf("%q: chart %v, error %v, want %v", header, q.Chart, err, want)
		}
	}
}

func TestChartsThatCannotBeDrawn(t *testing.T) {
	for entry, want := range map[string]string{
		"pie n":  `t.sql:4: unknown chart "pie"`,
		"line":   `t.sql:4: chart: there is no column ""`,
		"line x": `t.sql:4: chart: there is no column "x"`,
		"bar d":  "t.sql:4: chart: column d holds no numbers",
	} {
		_, err := query.Parse("t.sql", "-- title: T\n-- column d: time\n-- column n: integer\n-- chart: "+entry+"\nSELECT 1")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("chart: %s: error %v, want %q", entry, err, want)
		}
	}
}
