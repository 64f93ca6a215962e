package page

import (
	"context"
	"net/url"
	"slices"
	"time"

	"purchases/analytics/internal/query"
)

// Kind is a way to show an answer.
type Kind string

// The kinds of panels.
const (
	StripKind   Kind = "strip"   // the pipeline in one line
	NumberKind  Kind = "number"  // one figure, with the change against the period before
	SeriesKind  Kind = "series"  // a line over time
	StackKind   Kind = "stack"   // columns over time, of two parts
	RankedKind  Kind = "ranked"  // a table with bars behind its labels
	HeatMapKind Kind = "heatmap" // weekdays and hours
	CohortKind  Kind = "cohort"  // a triangle
	FiguresKind Kind = "figures" // each column of one row
	TableKind   Kind = "table"   // everything
	ReplayKind  Kind = "replay"  // how far a running replay is; it asks no query
)

// Panel is a query with its parameters and a way to show the answer. The
// parameters of the page, such as the period, are added where the query has them.
type Panel struct {
	ID, Title  string
	Kind       Kind
	Query      string
	Params     map[string]string
	Statement  string // instead of a query
	Width      string // of the 12 columns of the grid
	Label      string // column that names a row
	LabelWords string // what it is called; the column's name if empty
	Value      string // column that is shown
	Rest       string // column of the second part of a stack, or beside a number
	RestWords  string // what the number beside means
	Link       string // query that a label leads to
	LinkParam  string // and its parameter
}

// Overview are the panels of the first page.
var Overview = []Panel{
	{ID: "pipeline", Title: "Pipeline", Kind: StripKind, Query: "pipeline", Width: "12"},
	{
		ID: "revenue", Title: "Revenue", Kind: NumberKind, Query: "figures", Value: "revenue",
		Rest: "units_sold", RestWords: "units", Width: "f",
	},
	{
		ID: "net", Title: "Net", Kind: NumberKind, Query: "figures", Value: "net", Rest: "returns",
		RestWords: "returns", Width: "f",
	},
	{
		ID: "orders", Title: "Orders", Kind: NumberKind, Query: "figures", Value: "orders",
		Rest: "purchases", RestWords: "purchases", Width: "f",
	},
	{
		ID: "average-order", Title: "Average order", Kind: NumberKind, Query: "figures",
		Value: "average_order", Width: "f",
	},
	{
		ID: "returning", Title: "Returning customers", Kind: NumberKind, Query: "customers",
		Value: "returning_share", Rest: "users", RestWords: "customers", Width: "f",
	},
	{ID: "sales", Title: "Sales over time", Kind: SeriesKind, Query: "sales-over-time", Value: "revenue", Width: "12"},
	{
		ID: "items", Title: "Top items", Kind: RankedKind, Query: "top-items",
		Params: map[string]string{"by": "revenue", "limit": "10"},
		Label:  "item_name", LabelWords: "Item", Value: "revenue", Link: "item-trend", LinkParam: "item", Width: "6"},
	{
		ID: "users", Title: "Top customers", Kind: RankedKind, Query: "top-users",
		Params: map[string]string{"by": "revenue", "limit": "10"},
		Label:  "user", LabelWords: "Customer", Value: "revenue", Link: "user-history", LinkParam: "user", Width: "6"},
	{
		ID: "attributes", Title: "Countries", Kind: RankedKind, Query: "sales-by-attribute",
		Params: map[string]string{"attribute": "country", "limit": "10"},
		Label:  "value", LabelWords: "Country", Value: "revenue", Width: "6"},
	{
		ID: "hours", Title: "Busiest hours", Kind: HeatMapKind, Query: "busiest-hours",
		Params: map[string]string{"limit": "168"}, Value: "purchases", Width: "6",
	},
	{
		ID: "new", Title: "New and returning customers", Kind: StackKind, Query: "new-and-returning-users",
		Value: "returning_users", Rest: "new_users", Width: "12",
	},
}

// DeadLetters are the panels of the page of that name.
var DeadLetters = []Panel{
	{
		ID: "reasons", Title: "By reason", Kind: RankedKind, Query: "rejected", Label: "reason",
		Value: "records", Link: "rejected-examples", LinkParam: "reason", Width: "12",
	},
	{ID: "details", Title: "When and why", Kind: TableKind, Query: "rejected", Width: "12"},
	{
		ID: "examples", Title: "Examples", Kind: TableKind, Query: "rejected-examples",
		Params: map[string]string{"limit": "100"}, Width: "12",
	},
}

// Replays are the panels of the page of that name.
var Replays = []Panel{{ID: "running", Title: "Now", Kind: ReplayKind, Width: "12"},
	{ID: "replays", Title: "All replays", Kind: TableKind, Query: "replays", Width: "12"}}

// QueryPanels shows one query: the chart that its header names, and a table.
func QueryPanels(q query.Query, values map[string]string) []Panel {
	table := Panel{ID: "table", Title: "Table", Kind: TableKind, Query: q.Name, Params: values, Width: "12"}
	chart := Panel{ID: "chart", Title: q.Title, Query: q.Name, Params: values, Value: q.Chart.Column, Width: "12"}
	switch q.Chart.Kind {
	case query.LineChart:
		chart.Kind = SeriesKind
	case query.BarChart:
		chart.Kind, chart.Label = RankedKind, labelColumn(q)
		if q.Columns[0].Type == query.Time {
			chart.Kind = StackKind
		}
	case query.HeatMapChart:
		chart.Kind = HeatMapKind
	case query.CohortChart:
		chart.Kind = CohortKind
	case query.NumberChart:
		chart.Kind = FiguresKind
	default:
		return []Panel{table}
	}
	return []Panel{chart, table}
}

// labelColumn is the item's name, or the first text that is no currency, or else
// the first column.
func labelColumn(q query.Query) string {
	if slices.ContainsFunc(q.Columns, func(c query.Column) bool { return c.Name == "item_name" }) {
		return "item_name"
	}
	for _, c := range q.Columns {
		if c.Type == query.Text && c.Name != "currency" {
			return c.Name
		}
	}
	return q.Columns[0].Name
}

// View is a panel with its answer.
type View struct {
	Panel
	Currency string
	Source   string // address of the panel alone
	All      string // address of the query's page
	Problem  string // instead of an answer
	NoRows   bool
	Partly   string // which days it shows, where that is not the page's period

	Strip  *Strip
	Number *Number
	Series *Series
	Ranked *Ranked
	Grid   *Grid
	Table  *Table
	Facts  []Fact
	Replay *Replay
}

// Replay is how far a running replay is.
type Replay struct {
	Since       time.Time
	Done, Total int64 // offsets
}

// Percent is how much is done.
func (r *Replay) Percent() int64 { return min(r.Done*100/max(r.Total, 1), 100) }

// Moving says whether a panel changes without anything being stored.
func (p Panel) Moving() bool { return p.Kind == StripKind || p.Kind == ReplayKind }

// View asks the panel's question and prepares its answer. An error becomes what
// the panel shows.
func (p Panel) View(ctx context.Context, asker Asker, l *Layout) *View {
	v := &View{Panel: p, Currency: l.Currency, Source: l.with("panel", p.ID)}
	if p.Kind == ReplayKind {
		v.Replay = asker.Replaying(ctx)
		return v
	}
	answer, err := p.ask(ctx, asker, l, l.Period)
	if err != nil {
		v.Problem = asker.Explain(err)
		return v
	}
	if path := "/queries/" + p.Query; path != l.Path {
		v.All = address(path, given(answer.Args))
	}
	v.NoRows = len(answer.Rows) == 0
	if l.Period != nil && !l.Period.whole() && p.daysOnly(asker) {
		v.Partly = "the whole day"
	}
	var before *Answer
	if (p.Kind == NumberKind || p.Kind == SeriesKind) && l.Period != nil && l.Period.before() != nil {
		if before, err = p.ask(ctx, asker, l, l.Period.before()); err != nil {
			v.Problem = asker.Explain(err)
			return v
		}
	}
	if l.Currency == "" && (p.Kind == SeriesKind || p.Kind == StackKind) {
		v.Currency = answer.commonest()
	}
	v.show(asker, l, answer, before)
	return v
}

// commonest is the currency of most rows: a line is of one currency.
func (a *Answer) commonest() (currency string) {
	rows := map[string]int{}
	for _, row := range a.Rows {
		code, _ := a.cell(row, "currency").(string)
		if rows[code]++; rows[code] > rows[currency] {
			currency = code
		}
	}
	return currency
}

func (v *View) show(asker Asker, l *Layout, answer, before *Answer) {
	switch v.Kind {
	case StripKind:
		v.Strip = newStrip(answer, asker.Pipeline())
	case NumberKind:
		v.Number = newNumber(v.Panel, answer, before, l.Currency)
	case SeriesKind:
		v.Series = newSeries(v.Panel, answer, before, l.Period, v.Currency)
	case StackKind:
		v.Series = newStack(v.Panel, answer, l.Period, v.Currency)
	case RankedKind:
		v.Ranked = newRanked(v.Panel, answer, l.Currency)
	case HeatMapKind:
		v.Grid = newHeatMap(v.Panel, answer)
	case CohortKind:
		v.Grid = newTriangle(v.Panel, answer)
	case FiguresKind:
		v.Facts = newFacts(answer)
	case TableKind:
		v.Table = newTable(answer, l)
	}
}

func (p Panel) ask(ctx context.Context, asker Asker, l *Layout, period *Period) (*Answer, error) {
	if p.Statement != "" {
		return asker.Select(ctx, p.Statement)
	}
	values := map[string]string{}
	q, _ := asker.Find(p.Query)
	for _, param := range q.Params {
		if value, given := p.value(param, l, period); given {
			values[param.Name] = value
		}
	}
	for name, value := range p.Params { // a name that is none is the query's to refuse
		values[name] = value
	}
	return asker.Ask(ctx, p.Query, values)
}

// value is what the page gives to a parameter that the panel does not set.
func (p Panel) value(param query.Param, l *Layout, period *Period) (string, bool) {
	if period == nil {
		return "", false
	}
	days, instants := period.values()
	switch {
	case param.Name == "currency" && len(l.Currencies) > 1:
		return l.Currency, true
	case param.Name == "every":
		return period.Every, true
	case (param.Name == "since" || param.Name == "until") && period.Name != "all":
		if param.Type == query.StartParam || param.Type == query.EndParam {
			return instants[param.Name], true
		}
		return days[param.Name], true
	}
	return "", false
}

func (p Panel) daysOnly(asker Asker) bool {
	q, _ := asker.Find(p.Query)
	return slices.ContainsFunc(q.Params, func(param query.Param) bool { return param.Type == query.DateParam })
}

// given are the arguments that differ from the query's defaults.
func given(args query.Args) url.Values {
	values := url.Values{}
	for _, arg := range args {
		if arg.Value != nil {
			values.Set(arg.Name, text0(arg.Value))
		}
	}
	return values
}

// Still leaves out how long ago something was, which changes by itself.
func (v *View) Still() {
	if v.Strip == nil {
		return
	}
	for _, m := range []*Moment{v.Strip.StoredAt, v.Strip.LastEvent} {
		if m != nil {
			m.Ago = ""
		}
	}
}
