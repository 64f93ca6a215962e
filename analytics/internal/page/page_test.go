package page

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/query"
	"purchases/producer/purchase"
)

func TestNumbersForPeople(t *testing.T) {
	for want, got := range map[string]string{
		"1,234,567.89":    money(1_234_567_891_000, "EUR"),
		"−1,235":          money(-1_234_567_000, "JPY"),
		"0.00":            money(-1, "EUR"),
		"1.235":           money(1_234_500, "KWD"),
		"1.23":            money(1_230_000, ""),
		"−1,000":          count(-1000),
		"999":             count(999),
		"12.5 k":          short(12_500),
		"−3 M":            short(-3_000_000),
		"12.3 %":          text(query.Percentage(12.34), ""),
		"0.5":             text(0.5, ""),
		"Units sold":      words("units_sold"),
		"3 d ago":         ago(time.Unix(0, 0), time.Unix(3*86400+5, 0)),
		"0 s ago":         ago(time.Unix(9, 0), time.Unix(0, 0)),
		"'a b'":           quoted("a b"),
		"2011-11-01":      quoted("2011-11-01"),
		`'it'\''s $HOME'`: quoted("it's $HOME"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestPeriodsEndWithTheData(t *testing.T) {
	span := Span{day("2010-12-01"), day("2011-12-09"), day("2011-12-09").Add(12*time.Hour + 50*time.Minute)}
	for address, want := range map[string]string{
		"":                                  "month day 10 Nov – 9 Dec 2011",
		"period=nonsense":                   "month day 10 Nov – 9 Dec 2011",
		"period=week":                       "week day 3 Dec – 9 Dec 2011",
		"period=day":                        "day hour Friday, 9 December 2011",
		"period=hour":                       "hour hour 9 Dec 2011, 12:00–13:00 UTC",
		"period=year":                       "year week 10 Dec 2010 – 9 Dec 2011",
		"period=all":                        "all week 1 Dec 2010 – 9 Dec 2011",
		"since=2011-11-01&until=2011-11-30": "custom day 1 Nov – 30 Nov 2011",
		"since=2011-11-30&until=2011-11-01": "month day 10 Nov – 9 Dec 2011",
		"since=2011-11-30&until=x":          "month day 10 Nov – 9 Dec 2011",
	} {
		params, _ := url.ParseQuery(address)
		p := newPeriod(params, span)
		if got := p.Name + " " + p.Every + " " + p.Label(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
		if before := p.before(); p.Name != "all" && (before.To != p.From || before.To.Sub(before.From) != p.To.Sub(p.From)) {
			t.Errorf("%s: before it is %v to %v", address, before.From, before.To)
		}
	}
}

func series(values ...any) *Answer {
	a := &Answer{Columns: []query.Column{{Name: "period", Type: query.Time}, {Name: "currency", Type: query.Text},
		{Name: "revenue", Type: query.Money}}}
	for i := 0; i < len(values); i += 2 {
		a.Rows = append(a.Rows, query.Row{values[i], "EUR", purchase.Micros(values[i+1].(int) * microsPerUnit)})
	}
	return a
}

// A day without sales is a gap, and a lonely day a dot.
func TestGapsStayGaps(t *testing.T) {
	period := newPeriod(url.Values{"since": {"2025-01-01"}, "until": {"2025-01-06"}}, Span{})
	s := newSeries(Panel{Value: "revenue"}, series("2025-01-01", 10, "2025-01-02", 20, "2025-01-04", 5, "2025-01-06", 40),
		nil, period, "EUR")
	if got := strings.Count(s.Path, "M"); got != 3 || !strings.Contains(s.Path, "h0") {
		t.Errorf("path %s", s.Path)
	}
	if !strings.Contains(s.Data, `"now":[10,20,null,5,null,40]`) || !strings.Contains(s.Data, `"digits":2`) {
		t.Errorf("data %s", s.Data)
	}
	if s.Y[0].Label != "0" || s.Y[len(s.Y)-1].Label != "40" {
		t.Errorf("ticks %v", s.Y)
	}
}

// A number below zero is drawn below the line of zero.
func TestNegativeSeries(t *testing.T) {
	s := newSeries(Panel{Value: "revenue"}, series("2025-01-01", -10, "2025-01-02", 20), nil, nil, "EUR")
	if s.Y[0].Label != "−10" {
		t.Errorf("ticks %v", s.Y)
	}
}

func TestChanges(t *testing.T) {
	for _, test := range []struct {
		now, then any
		want      string
	}{
		{int64(120), int64(100), "up 20.0 %"}, {int64(50), int64(100), "down 50.0 %"}, {int64(5), int64(5), "same unchanged"},
		{int64(5), int64(0), "up from 0"}, {int64(-50), int64(-100), "up 50.0 %"},
		{query.Percentage(40), query.Percentage(50), "down 10.0 points"},
	} {
		c := newChange(test.now, test.then, "")
		if got := c.Direction + " " + c.Text; got != test.want {
			t.Errorf("%v after %v: %s, want %s", test.now, test.then, got, test.want)
		}
	}
}

// Our own files stay small, so that a page is there at once.
func TestFilesAreSmall(t *testing.T) {
	for name, most := range map[string]int{"page.css": 10_000, "page.js": 15_000} {
		body, err := assetFiles.ReadFile("assets/" + name)
		if err != nil || len(body) > most {
			t.Errorf("%s: %d bytes, want at most %d, %v", name, len(body), most, err)
		}
	}
}
