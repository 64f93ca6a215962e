package page

import (
	"fmt"
	"strconv"
	"strings"
)

// newStack draws columns of the value, and above it of the rest.
func newStack(p Panel, a *Answer, period *Period, currency string) *Series {
	lower := recent(p.points(a, currency), period)
	upper := map[int64]point{}
	upperPanel := p
	upperPanel.Value = p.Rest
	if p.Rest != "" {
		for _, e := range upperPanel.points(a, currency) {
			upper[e.at.Unix()] = e
		}
	}
	if len(lower) == 0 {
		return nil
	}
	every := stepOf(a, nil)
	area := plot{from: lower[0].at, to: every.after(lower[len(lower)-1].at)}
	var tops []point
	for _, e := range lower {
		tops = append(tops, point{e.at, e.value + upper[e.at.Unix()].value, ""})
	}
	area.scale(tops)
	s := &Series{Name: words(p.Value), Unit: unit(a, p.Value, currency), Y: area.yTicks(), X: area.xTicks(),
		Parts: []string{words(p.Value)}}
	if p.Rest != "" {
		s.Parts = append(s.Parts, words(p.Rest))
	}
	for _, e := range lower {
		s.Columns = append(s.Columns, area.column(e, 0, every, "lower", words(p.Value)))
		if u, known := upper[e.at.Unix()]; known {
			s.Columns = append(s.Columns, area.column(u, e.value, every, "upper", words(p.Rest)))
		}
	}
	s.Latest = fmt.Sprintf("%s from %s to %s", strings.Join(s.Parts, " and "),
		lower[0].at.Format("2 Jan 2006"), lower[len(lower)-1].at.Format("2 Jan 2006"))
	return s
}

// recent keeps the two years up to the period's end, or up to the last point.
func recent(points []point, period *Period) (kept []point) {
	const years = 2
	if len(points) == 0 {
		return nil
	}
	end := points[len(points)-1].at.AddDate(0, 0, 1)
	if period != nil {
		end = period.To
	}
	for _, e := range points {
		if e.at.Before(end) && e.at.After(end.AddDate(-years, 0, 0)) {
			kept = append(kept, e)
		}
	}
	return kept
}

func (p plot) column(e point, on float64, every interval, part, name string) Column {
	left, right := p.x(e.at), p.x(every.after(e.at))
	gap := (right - left) * 0.15
	top, bottom := p.y(max(on+e.value, on)), p.y(min(on+e.value, on))
	layout := "2 Jan 2006"
	if every.months > 0 {
		layout = "January 2006"
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	return Column{number(left + gap), number(top), number(right - left - 2*gap), number(bottom - top), part,
		name + ", " + e.at.Format(layout) + ": " + e.text}
}
