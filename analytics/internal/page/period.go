package page

import (
	"fmt"
	"net/url"
	"time"
)

// Period is the time that a page is about. Its days are those of the reporting
// zone, written as UTC.
type Period struct {
	Name     string // hour, day, week, month, year, all or custom
	From, To time.Time
	Every    string // length of a step of a series
	Links    []Link
	// Since and Until are what the form for other days shows.
	Since, Until string
}

var periods = []struct {
	name, label string
	days        int
}{{"hour", "Hour", 0}, {"day", "Day", 1}, {"week", "Week", 7}, {"month", "Month", 30}, {"year", "Year", 365}, {"all",
	"All", 0}}

// Span is what the database has: the days of its first and last event, and the
// time of the last.
type Span struct {
	FirstDay, LastDay, LastEvent time.Time
}

// newPeriod reads the period from a page's parameters. It ends with the last
// event, so that data of long ago are no empty page.
func newPeriod(params url.Values, span Span) *Period {
	p := &Period{Name: params.Get("period"), To: span.LastDay.AddDate(0, 0, 1)}
	since, errSince := time.Parse(time.DateOnly, params.Get("since"))
	until, errUntil := time.Parse(time.DateOnly, params.Get("until"))
	switch {
	case errSince == nil && errUntil == nil && !until.Before(since):
		p.Name, p.From, p.To = "custom", since, until.AddDate(0, 0, 1)
	case p.Name == "hour":
		p.To = span.LastEvent.Truncate(quarter).Add(quarter)
		p.From = p.To.Add(-time.Hour)
	case p.Name == "all":
		p.From = span.FirstDay
	default:
		p.setDays()
	}
	p.Every = step(p.To.Sub(p.From))
	p.Since, p.Until = p.From.Format(time.DateOnly), p.To.Add(-time.Second).Format(time.DateOnly)
	return p
}

const quarter = 15 * time.Minute // instants count by quarters of an hour

func (p *Period) setDays() {
	for _, known := range periods {
		if known.name == p.Name && known.days > 0 {
			p.From = p.To.AddDate(0, 0, -known.days)
			return
		}
	}
	const usual = 30
	p.Name, p.From = "month", p.To.AddDate(0, 0, -usual)
}

func step(length time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case length <= 3*day:
		return "hour"
	case length <= 120*day:
		return "day"
	case length <= 3*365*day:
		return "week"
	}
	return "month"
}

// before is the period of the same length just before; nil before all.
func (p *Period) before() *Period {
	if p.Name == "all" {
		return nil
	}
	return &Period{Name: p.Name, From: p.From.Add(-p.To.Sub(p.From)), To: p.From, Every: p.Every}
}

// whole says whether the period is of whole days.
func (p *Period) whole() bool { return p.Name != "hour" }

// Label says the period in words.
func (p *Period) Label() string {
	last := p.To.Add(-time.Second)
	switch {
	case !p.whole():
		return p.From.Format("2 Jan 2006, 15:04") + "–" + p.To.Format("15:04") + " UTC"
	case p.From.Format(time.DateOnly) == last.Format(time.DateOnly):
		return last.Format("Monday, 2 January 2006")
	case p.From.Year() == last.Year():
		return fmt.Sprintf("%s – %s", p.From.Format("2 Jan"), last.Format("2 Jan 2006"))
	}
	return fmt.Sprintf("%s – %s", p.From.Format("2 Jan 2006"), last.Format("2 Jan 2006"))
}

// values are what a query's parameters get, as far as it has them: days where
// it takes only these, instants where the period is of hours.
func (p *Period) values() (days, instants map[string]string) {
	days = map[string]string{"since": p.From.Format(time.DateOnly), "until": p.To.Add(-time.Second).Format(time.DateOnly)}
	if p.whole() {
		return days, days
	}
	return days, map[string]string{"since": p.From.Format(time.RFC3339), "until": p.To.Format(time.RFC3339)}
}
