package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/query"
)

// Series is a chart over time. Its coordinates are thousandths of the plot, and
// its ticks percents.
type Series struct {
	Name, Unit   string // of the value; a currency for money
	Y, X         []Tick
	Path, Area   string // of the line, with a gap where there is no value
	Before       string // of the line of the period before
	HasBefore    bool
	Columns      []Column // of a stack
	Parts        []string // names of a stack's parts, the lower first
	Data         string   // JSON for the script
	Latest       string   // in words, for those who do not see the chart
	TableSummary []SeriesRow
}

// Tick is a label of an axis.
type Tick struct{ At, Label, Anchor string }

// Column is one rectangle of a stack.
type Column struct{ X, Y, Width, Height, Part, Title string }

// SeriesRow is a point in words.
type SeriesRow struct{ When, Value string }

type point struct {
	at    time.Time // by the clock of the zone, as UTC
	value float64
	text  string
}

// plot is the range of a chart.
type plot struct {
	from, to  time.Time
	low, high float64
}

const size = 1000.0 // of a plot, both ways

func (p plot) x(at time.Time) float64 {
	return size * float64(at.Sub(p.from)) / max(float64(p.to.Sub(p.from)), 1)
}

func (p plot) y(v float64) float64 { return size * (p.high - v) / (p.high - p.low) }

func newSeries(p Panel, a, before *Answer, period *Period, currency string) *Series {
	points := p.points(a, currency)
	if len(points) == 0 {
		return nil
	}
	every := stepOf(a, period)
	area := plot{from: points[0].at, to: points[len(points)-1].at}
	if period != nil {
		area.from, area.to = period.From, every.before(period.To)
	}
	if !area.to.After(area.from) {
		area.to = area.from.Add(time.Hour)
	}
	s := &Series{Name: words(p.Value), Unit: unit(a, p.Value, currency)}
	var earlier []point
	if before != nil && period != nil {
		for _, e := range p.points(before, currency) {
			e.at = e.at.Add(period.To.Sub(period.From))
			earlier = append(earlier, e)
		}
	}
	area.scale(append(points, earlier...))
	s.Y, s.X = area.yTicks(), area.xTicks()
	s.Path = area.line(points, every)
	s.Area = area.fill(points, every)
	s.Before, s.HasBefore = area.line(earlier, every), len(earlier) > 0
	s.Data = data(area, points, earlier, every, s, currency)
	for _, e := range points {
		s.TableSummary = append(s.TableSummary, SeriesRow{e.at.Format("2 Jan 2006 15:04"), e.text})
	}
	last := points[len(points)-1]
	s.Latest = fmt.Sprintf("%s from %s to %s, latest %s", s.Name, points[0].at.Format("2 Jan 2006"),
		last.at.Format("2 Jan 2006"),
		strings.TrimSpace(last.text+" "+s.Unit))
	return s
}

func unit(a *Answer, column, currency string) string {
	if i := a.column(column); i >= 0 && a.Columns[i].Type == query.Money {
		return currency
	}
	return ""
}

// points are the values in the order of time, one for each time: of several
// rows at one time, such as the currencies of a count, the sum.
func (p Panel) points(a *Answer, currency string) (points []point) {
	rows := a.Rows
	if i := a.column(p.Value); currency != "" && i >= 0 && a.column("currency") >= 0 {
		rows = a.of(currency)
	}
	for _, row := range rows {
		at, err := parseTime(text0(row[0]))
		value, known := number(a.cell(row, p.Value))
		if err != nil || !known {
			continue
		}
		points = append(points, point{at, value, text(a.cell(row, p.Value), currency)})
	}
	if len(points) > 1 && points[0].at.After(points[len(points)-1].at) {
		for i, j := 0, len(points)-1; i < j; i, j = i+1, j-1 {
			points[i], points[j] = points[j], points[i]
		}
	}
	return points
}

// parseTime reads a month, a day or an hour by its own clock.
func parseTime(text string) (time.Time, error) {
	const minutes = len("2006-01-02T15:04")
	if len(text) > minutes {
		text = text[:minutes]
	}
	layout := map[int]string{len("2006-01"): "2006-01", len(time.DateOnly): time.DateOnly}[len(text)]
	if layout == "" {
		layout = "2006-01-02T15:04"
	}
	return time.Parse(layout, text)
}

// interval is the length of a step.
type interval struct {
	months int
	rest   time.Duration
}

func (i interval) after(at time.Time) time.Time  { return at.AddDate(0, i.months, 0).Add(i.rest) }
func (i interval) before(at time.Time) time.Time { return at.AddDate(0, -i.months, 0).Add(-i.rest) }

// stepOf is the step of a series: what the query was asked for, or what its
// times look like.
func stepOf(a *Answer, period *Period) interval {
	every := ""
	if period != nil {
		every = period.Every
	}
	for _, arg := range a.Args {
		if chosen, ok := arg.Value.(string); ok && arg.Name == "every" {
			every = chosen
		}
	}
	if every == "" && len(a.Rows) > 0 {
		every = map[int]string{len("2006-01"): "month", len(time.DateOnly): "day"}[len(text0(a.Rows[0][0]))]
	}
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	switch every {
	case "month":
		return interval{months: 1}
	case "week":
		return interval{rest: week}
	case "day":
		return interval{rest: day}
	}
	return interval{rest: time.Hour}
}

// scale finds round bounds that include 0.
func (p *plot) scale(points []point) {
	for _, e := range points {
		p.low, p.high = min(p.low, e.value), max(p.high, e.value)
	}
	s := roundStep(p.high - p.low)
	p.low, p.high = math.Floor(p.low/s)*s, math.Ceil(p.high/s)*s
	if p.high == p.low {
		p.high = p.low + 1
	}
}

// roundStep divides a length into about four steps of 1, 2 or 5 times a power of ten.
func roundStep(length float64) float64 {
	const parts = 4
	if length <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(length/parts)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= length/parts {
			return n * power
		}
	}
	return 10 * power
}

func (p plot) yTicks() (ticks []Tick) {
	s := roundStep(p.high - p.low)
	for v := p.low; v <= p.high+s/2; v += s {
		ticks = append(ticks, Tick{At: percent(p.y(v)), Label: short(math.Round(v/s) * s)})
	}
	return ticks
}

func percent(thousandths float64) string {
	return strconv.FormatFloat(thousandths/10, 'f', 2, 64) + "%"
}

// xTicks are about five times at round places: hours, days, or first days of months.
func (p plot) xTicks() (ticks []Tick) {
	const day = 24 * time.Hour
	length := p.to.Sub(p.from)
	next, layout := func(t time.Time) time.Time { return t.AddDate(0, 0, max(1, int(length/day)/5)) }, "2 Jan"
	at := p.from.Truncate(day)
	switch {
	case length <= 3*day:
		hours := max(time.Hour, (length / 6).Truncate(time.Hour))
		next, layout = func(t time.Time) time.Time { return t.Add(hours) }, "15:04"
		at = p.from.Truncate(time.Hour)
	case length > 120*day:
		months := max(1, int(length/(30*day))/6)
		next, layout = func(t time.Time) time.Time { return t.AddDate(0, months, 0) }, "Jan 2006"
		at = time.Date(p.from.Year(), p.from.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	for ; !at.After(p.to); at = next(at) {
		if x := p.x(at); x >= 0 && x <= size {
			ticks = append(ticks, Tick{percent(x), at.Format(layout), anchor(x)})
		}
	}
	return ticks
}

func anchor(x float64) string {
	const edge = 60
	switch {
	case x < edge:
		return "start"
	case x > size-edge:
		return "end"
	}
	return "middle"
}

// segments are the parts of the line between gaps.
func segments(points []point, every interval) (parts [][]point) {
	for i, e := range points {
		if i == 0 || e.at.After(every.after(points[i-1].at)) {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], e)
	}
	return parts
}

func (p plot) line(points []point, every interval) string {
	var b strings.Builder
	for _, part := range segments(points, every) {
		for i, e := range part {
			fmt.Fprintf(&b, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], p.x(e.at), p.y(e.value))
		}
		if len(part) == 1 {
			b.WriteString("h0")
		}
	}
	return b.String()
}

func (p plot) fill(points []point, every interval) string {
	var b strings.Builder
	base := p.y(max(p.low, 0))
	for _, part := range segments(points, every) {
		if len(part) < 2 {
			continue
		}
		fmt.Fprintf(&b, "M%.1f %.1f", p.x(part[0].at), base)
		for _, e := range part {
			fmt.Fprintf(&b, "L%.1f %.1f", p.x(e.at), p.y(e.value))
		}
		fmt.Fprintf(&b, "L%.1f %.1fZ", p.x(part[len(part)-1].at), base)
	}
	return b.String()
}

// data is what the script draws from: times in seconds, and null for a gap.
func data(area plot, points, earlier []point, every interval, s *Series, currency string) string {
	now, then := map[int64]float64{}, map[int64]float64{}
	from, to := points[0].at, points[len(points)-1].at
	for _, e := range points {
		now[e.at.Unix()] = e.value
	}
	for _, e := range earlier {
		then[e.at.Unix()] = e.value
		from, to = minTime(from, e.at), maxTime(to, e.at)
	}
	var out struct {
		From   int64      `json:"from"`
		To     int64      `json:"to"`
		X      []int64    `json:"x"`
		Now    []*float64 `json:"now"`
		Before []*float64 `json:"before"`
		Name   string     `json:"name"`
		Unit   string     `json:"unit"`
		Digits int        `json:"digits"`
		Hours  bool       `json:"hours"`
	}
	out.From, out.To = area.from.Unix(), area.to.Unix()
	out.Name, out.Unit, out.Hours = s.Name, s.Unit, every.rest == time.Hour
	if s.Unit != "" {
		out.Digits = digits(currency)
	}
	const most = 20_000 // steps
	for at := from; !at.After(to) && len(out.X) < most; at = every.after(at) {
		out.X = append(out.X, at.Unix())
		out.Now, out.Before = append(out.Now, at0(now, at)), append(out.Before, at0(then, at))
	}
	text, err := json.Marshal(out)
	if err != nil {
		return "" // the chart stays as the server drew it
	}
	return string(text)
}

func at0(values map[int64]float64, at time.Time) *float64 {
	if v, known := values[at.Unix()]; known {
		return &v
	}
	return nil
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
