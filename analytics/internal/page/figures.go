package page

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

// text0 is a parameter's value as an address has it.
func text0(value any) string { return fmt.Sprint(value) }

// column is where the column stands; -1 for none.
func (a *Answer) column(name string) int {
	return slices.IndexFunc(a.Columns, func(c query.Column) bool { return c.Name == name })
}

// cell is the value of a column; nil where there is none.
func (a *Answer) cell(row query.Row, name string) any {
	if i := a.column(name); i >= 0 {
		return row[i]
	}
	return nil
}

// of keeps the rows of the currency. Where there is no such column, it keeps all.
func (a *Answer) of(currency string) []query.Row {
	i := a.column("currency")
	if i < 0 {
		return a.Rows
	}
	var rows []query.Row
	for _, row := range a.Rows {
		if row[i] == any(currency) {
			rows = append(rows, row)
		}
	}
	return rows
}

// noDecimals is from where on a figure has no room for decimals.
const noDecimals = 10_000

// Number is one figure with its change.
type Number struct {
	Value, Whole, Currency string // shown, in full, and of money
	Rest                   string
	Change                 *Change // nil where there is nothing to compare
}

// Change compares with the period before.
type Change struct {
	Text, Direction, Before string // +3.2 %; up, down or same; the figure before
}

func newNumber(p Panel, answer, before *Answer, currency string) *Number {
	n := &Number{Value: "–"}
	now, known := first(answer, p.Value, currency)
	if !known {
		return n
	}
	n.Value = text(now, currency)
	n.Whole = n.Value
	if m, isMoney := now.(purchase.Micros); isMoney {
		n.Currency = currency
		n.Whole = strings.TrimSpace(n.Value + " " + currency)
		if large := int64(m) / microsPerUnit; large >= noDecimals || large <= -noDecimals {
			n.Value = group(big.NewRat(int64(m), microsPerUnit).FloatString(0))
		}
	}
	if rest, known := first(answer, p.Rest, currency); known && p.Rest != "" {
		n.Rest = text(rest, currency) + " " + p.RestWords
		if n.Rest == "1 "+p.RestWords {
			n.Rest = strings.TrimSuffix(n.Rest, "s")
		}
	}
	if before != nil {
		if then, known := first(before, p.Value, currency); known {
			n.Change = newChange(now, then, currency)
		}
	}
	return n
}

func first(a *Answer, column, currency string) (any, bool) {
	rows := a.of(currency)
	if len(rows) == 0 {
		return nil, false
	}
	value := a.cell(rows[0], column)
	return value, value != nil
}

func newChange(now, then any, currency string) *Change {
	a, _ := number(now)
	b, _ := number(then)
	c := &Change{Direction: "same", Text: "unchanged", Before: text(then, currency)}
	if _, isShare := now.(query.Percentage); isShare {
		if d := a - b; math.Abs(d) >= 0.05 {
			c.Direction, c.Text = direction(d), fmt.Sprintf("%.1f points", math.Abs(d))
		}
		return c
	}
	switch {
	case a == b:
	case b == 0:
		c.Direction, c.Text = direction(a-b), "from 0"
	default:
		const percent = 100
		change := (a - b) / math.Abs(b) * percent
		c.Direction, c.Text = direction(change), group(strconv.FormatFloat(math.Abs(change), 'f', 1, 64))+" %"
	}
	return c
}

func direction(d float64) string {
	if d < 0 {
		return "down"
	}
	return "up"
}

// Fact is a column of a single row.
type Fact struct{ Name, Value, Hint string }

func newFacts(a *Answer) (facts []Fact) {
	for _, row := range a.Rows {
		currency, _ := a.cell(row, "currency").(string)
		for i, c := range a.Columns {
			value := plain(row[i], c, currency)
			if c.Type == query.Money && value != "" {
				value += " " + currency
			}
			if value == "" {
				value = "–"
			}
			facts = append(facts, Fact{words(c.Name), value, c.Description})
		}
	}
	return facts
}

// Ranked is a table with a bar behind each label.
type Ranked struct {
	LabelName, ValueName string
	Rows                 []RankedRow
}

// RankedRow is one line of it.
type RankedRow struct {
	Label, Detail, URL, Value string
	Bar                       string // its length in percent
}

func newRanked(p Panel, a *Answer, currency string) *Ranked {
	r := &Ranked{LabelName: cmp.Or(p.LabelWords, words(p.Label)), ValueName: words(p.Value)}
	rows := a.Rows
	if slices.ContainsFunc(a.Args, func(arg query.Arg) bool { return arg.Name == "by" }) {
		p.Value = a.Query.Ranked(a.Args)
		r.ValueName = words(p.Value)
	}
	if p.Label != "currency" && currency != "" && a.column("currency") >= 0 {
		rows = a.of(currency)
	}
	most := 0.0
	for _, row := range rows {
		n, _ := number(a.cell(row, p.Value))
		most = max(most, math.Abs(n))
	}
	for _, row := range rows {
		line := p.rankedRow(a, row, most)
		if _, isMoney := a.cell(row, p.Value).(purchase.Micros); isMoney && currency == "" {
			line.Value = strings.TrimSpace(line.Value + " " + text(a.cell(row, "currency"), ""))
		}
		r.Rows = append(r.Rows, line)
	}
	return r
}

func (p Panel) rankedRow(a *Answer, row query.Row, most float64) RankedRow {
	currency, _ := a.cell(row, "currency").(string)
	line := RankedRow{Label: text0(a.cell(row, p.Label)), Value: text(a.cell(row, p.Value), currency), Bar: "0"}
	if id, ok := a.cell(row, "item").(string); ok && p.Label == "item_name" {
		line.Detail = id
		if strings.TrimSpace(line.Label) == "" {
			line.Label, line.Detail = id, ""
		}
	}
	if strings.TrimSpace(line.Label) == "" || a.cell(row, p.Label) == nil {
		line.Label = "(blank)"
	}
	if p.Link != "" {
		line.URL = address("/queries/"+p.Link, url.Values{p.LinkParam: {text0(a.cell(row, p.LinkParam))}})
	}
	if n, _ := number(a.cell(row, p.Value)); most > 0 {
		const percent = 100
		line.Bar = strconv.FormatFloat(max(n, 0)/most*percent, 'f', 1, 64)
	}
	return line
}

// Pipeline is what the page knows of the way from Kafka beside the database.
type Pipeline struct {
	Asked     bool         // whether this process asks Kafka at all
	Reachable bool         // whether Kafka answers
	Backlog   *lag.Backlog // of the processors; nil when unknown
}

// Strip is the pipeline in one line.
type Strip struct {
	State, Symbol, Words, URL string // good, warn, bad or idle
	Parts                     []StripPart
	StoredAt, LastEvent       *Moment
}

// StripPart is one thing that the strip says.
type StripPart struct {
	Text, URL string
	Care      bool // whether somebody should look at it
}

// Moment is a time, and how long ago it was.
type Moment struct{ At, Ago string }

func newMoment(value any, now time.Time) *Moment {
	at, err := time.Parse(time.RFC3339, text0(value))
	if err != nil {
		return nil
	}
	return &Moment{at.Format(time.RFC3339), ago(at, now)}
}

func newStrip(a *Answer, p Pipeline) *Strip {
	if len(a.Rows) == 0 {
		return &Strip{State: "idle", Symbol: "○", Words: "Nothing is stored yet"}
	}
	row := a.Rows[0]
	integer := func(name string) int64 { n, _ := a.cell(row, name).(int64); return n }
	s := &Strip{
		StoredAt: newMoment(a.cell(row, "stored_at"), a.AsOf), LastEvent: newMoment(a.cell(row, "last_event"), a.AsOf),
		URL: "/queries/ingest",
	}
	s.judge(p, integer("lag"), integer("records"))
	s.addBacklog(p.Backlog)
	if rate, ok := number(a.cell(row, "per_second")); ok {
		s.Parts = append(s.Parts, StripPart{group(strconv.FormatFloat(rate, 'f', -1, 64)) + " records/s", "/queries/ingest",
			false})
	}
	n := integer("dead_letters_last_hour")
	s.Parts = append(s.Parts, StripPart{count(n) + " dead letters in the last hour", "/dead-letters", n > 0})
	if n := integer("duplicates"); n > 0 {
		s.Parts = append(s.Parts, StripPart{count(n) + " duplicates", "/queries/duplicates", false})
	}
	return s
}

func (s *Strip) addBacklog(b *lag.Backlog) {
	if b == nil || b.Lag == 0 {
		return
	}
	text := count(b.Lag) + " purchases wait for the processor"
	if b.Members == 0 {
		text = "no processor is running, " + count(b.Lag) + " purchases wait"
	}
	s.Parts = append(s.Parts, StripPart{Text: text, URL: "/queries/ingest", Care: b.Members == 0})
}

func (s *Strip) judge(p Pipeline, lag, records int64) {
	switch {
	case p.Asked && !p.Reachable:
		s.State, s.Symbol, s.Words = "bad", "✕", "Kafka does not answer; this is what was stored before"
	case records == 0:
		s.State, s.Symbol, s.Words = "idle", "○", "Nothing is stored yet"
	case lag > 0:
		s.State, s.Symbol, s.Words = "warn", "▲", "Catching up, "+count(lag)+" records behind"
	case p.Asked:
		s.State, s.Symbol, s.Words = "good", "✓", "Up to date"
	default:
		s.State, s.Symbol, s.Words = "idle", "○", "Served from the database, Kafka is not asked"
	}
}
