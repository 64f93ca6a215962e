package terminal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/terminal"
)

// series is a query of two currencies, the latest first.
const series = `-- title: Series
-- column period: time
-- column currency: text
-- column revenue: money
-- chart: line revenue
WITH r(period, currency, revenue) AS (VALUES ('2011-02', 'EUR', 7500000), ('2011-01', 'EUR', 5000000), ('2011-02',
'JPY', 1000000000))
SELECT period, currency, revenue FROM r`

// shown is an output into memory, a database, and a question.
func shown(t *testing.T, format render.Format) (*terminal.Output, *readonly.Pool, terminal.Question, *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	pool, err := readonly.Open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	q, err := query.Parse("series.sql", series)
	if err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	return &terminal.Output{Format: format, Out: out, Notes: &bytes.Buffer{}, Program: "analytics"}, pool,
		terminal.Question{Question: answer.Question{Query: q}}, out
}

// rounds cancels a watch after some answers.
type rounds struct {
	*bytes.Buffer
	left   int
	cancel context.CancelFunc
}

func (r *rounds) Write(p []byte) (int, error) {
	if r.left--; r.left == 0 {
		r.cancel()
	}
	return r.Buffer.Write(p)
}

func TestWatch(t *testing.T) {
	for format, check := range map[render.Format]func(string) bool{
		render.CSV: func(text string) bool {
			return strings.HasPrefix(text, "period,currency,revenue\n2011-02,") && strings.Count(text, "period") == 1 &&
				strings.Count(text, "2011-01,EUR,5.00") == 3
		},
		render.NDJSON: func(text string) bool {
			lines := strings.Split(strings.TrimSpace(text), "\n")
			for _, line := range lines {
				var object struct {
					Freshness struct {
						AsOf time.Time `json:"as_of"`
					}
					Rows []map[string]any
				}
				if err := json.Unmarshal([]byte(line), &object); err != nil || len(object.Rows) != 3 ||
					object.Freshness.AsOf.IsZero() {
					return false
				}
			}
			return len(lines) == 3
		},
		render.Table: func(text string) bool { return strings.Count(text, "period") == 3 && !strings.Contains(text, "\x1b") },
	} {
		out, pool, q, buffer := shown(t, format)
		ctx, cancel := context.WithCancel(t.Context())
		out.Notes = &rounds{&bytes.Buffer{}, 3, cancel} // one note follows each answer
		if format == render.NDJSON {                    // which says itself what the notes say
			out.Out = &rounds{buffer, 3, cancel}
		}
		if err := out.Watch(ctx, pool, q, time.Millisecond); err != nil || !check(buffer.String()) {
			t.Errorf("%s: %v, %s", format, err, buffer)
		}
		cancel()
	}
}

func TestPlot(t *testing.T) {
	out, pool, q, buffer := shown(t, render.Table)
	out.Plot = true
	if err := out.Answer(t.Context(), pool, q); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"revenue in EUR, 2011-01 to 2011-02", "revenue in JPY, 2011-02 to 2011-02", "7.50 ┤",
		"1,000 ┼", "┼"} {
		if !strings.Contains(buffer.String(), want) {
			t.Errorf("the plot lacks %q:\n%s", want, buffer)
		}
	}
	for line := range strings.Lines(buffer.String()) {
		if n := len([]rune(line)); n > 81 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

func TestAge(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		-time.Hour: "just now", 0: "just now", 3*time.Second + 900*time.Millisecond: "3 s ago",
		119 * time.Second: "119 s ago",
		2 * time.Minute:   "2 min ago", 3 * time.Hour: "3 h ago", 47 * time.Hour: "47 h ago", 48 * time.Hour: "2026-01-29",
		1000 * 24 * time.Hour: "2023-05-07",
	} {
		if got := terminal.Age(now.Add(-ago), now); got != want {
			t.Errorf("%s ago is %q, want %q", ago, got, want)
		}
	}
}

func TestFresh(t *testing.T) {
	now := time.Date(2026, 1, 31, 2, 29, 25, 0, time.UTC)
	at, behind := now.Add(-2*time.Minute).UnixMilli(), int64(0)
	f := freshness.Freshness{AsOf: now, Lag: &behind, Positions: []lag.Position{{LatestEventAt: &at}}}
	if got, want := terminal.Fresh(&f, now), "as of 02:29:25Z, lag 0, last event 2 min ago"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := terminal.Fresh(&freshness.Freshness{AsOf: now}, now), "as of 02:29:25Z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
