// Package terminal shows answers where somebody types a command: once, again
// and again, or as a plot, and says beside each what it reflects. It knows
// nothing of flags.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
)

const clearScreen = "\x1b[H\x1b[2J\x1b[3J"

// Output says where and how answers are written.
type Output struct {
	Format  render.Format
	Out     io.Writer
	Notes   io.Writer // for what is not part of an answer
	Program string    // begins each note
	SafeCSV bool      // see [render.Options]
	Plot    bool      // a line chart in place of a table
	// Fit returns how the terminal is that Out is; nil where it is none.
	Fit func() render.Options
}

func (o *Output) fit() render.Options {
	if o.Fit == nil {
		return render.Options{}
	}
	return o.Fit()
}

// Question is what is asked of a database.
type Question struct {
	answer.Question
	MaxRows   int           // fails an answer with more; 0 means no limit
	TimeLimit time.Duration // fails an answer that takes longer; 0 means no limit
}

// round is one of the answers of a watch.
type round int

// Answer answers once.
func (o *Output) Answer(ctx context.Context, pool *readonly.Pool, q Question) error {
	return o.answer(ctx, pool, q, 0)
}

// Watch answers every interval until ctx ends, which is no error. CSV has one
// header, and NDJSON one object for each answer, which says what it reflects.
func (o *Output) Watch(ctx context.Context, pool *readonly.Pool, q Question, interval time.Duration) error {
	each := *o
	if o.Format == render.NDJSON {
		each.Format = render.JSON
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for n := round(0); ; n++ {
		if each.Format == render.Table && o.fit().Width > 0 {
			fmt.Fprint(o.Out, clearScreen)
		}
		if err := each.answer(ctx, pool, q, n); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (o *Output) answer(ctx context.Context, pool *readonly.Pool, q Question, n round) (err error) {
	if q.TimeLimit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, q.TimeLimit)
		defer cancel()
	}
	opened, err := q.Open(ctx, pool)
	if err != nil {
		return q.explain(err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	rows, err := o.write(ctx, opened, q, n)
	if err != nil {
		return q.explain(err)
	}
	o.say(rows, &opened.Freshness)
	return nil
}

func (o *Output) write(ctx context.Context, opened *answer.Answer, q Question, n round) (int, error) {
	rows, err := opened.Rows(ctx)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	all := rows.All()
	if q.MaxRows > 0 {
		all = query.Limit(all, q.MaxRows)
	}
	options := o.fit()
	options.Bar, options.Optional, options.SafeCSV, options.NoHeader = q.Query.Ranked(q.Args), q.Query.Optional, o.SafeCSV, n > 0
	if q.Query.Chart.Kind == query.CohortChart {
		options.Cohort = q.Query.Chart.Column
	}
	a := render.Answer{Query: q.Query.Name, Args: q.Args, Columns: rows.Columns(), Freshness: &opened.Freshness, Rows: all}
	write := func() (int, error) { return render.Write(o.Out, o.Format, a, options) }
	if o.Plot {
		write = func() (int, error) { return render.Plot(o.Out, a, q.Query.Chart.Column, options.Width) }
	}
	count, err := write()
	if err != nil && count > 0 {
		return count, fmt.Errorf("after %d rows: %w", count, err)
	}
	return count, err
}

// explain adds the query's name, or the flag that helps.
func (q *Question) explain(err error) error {
	switch {
	case q.Query.Name != "":
		return fmt.Errorf("query %s: %w", q.Query.Name, err)
	case errors.Is(err, context.DeadlineExceeded) && q.TimeLimit > 0:
		return fmt.Errorf("the time limit of %s has expired; set a longer one with --timeout: %w", q.TimeLimit, err)
	}
	return err
}

// say tells a person what the answer reflects, and why it may have no rows.
// JSON says it itself.
func (o *Output) say(rows int, f *freshness.Freshness) {
	switch {
	case rows == 0 && f.Empty():
		o.note("no rows: the database is still empty; `analytics run` fills it")
	case rows == 0:
		o.note("no rows for these parameters")
	}
	if o.Format != render.JSON {
		o.note(Fresh(f, time.Now()))
	}
}

func (o *Output) note(text string) { fmt.Fprintf(o.Notes, "%s: %s\n", o.Program, text) }

// Fresh says in a few words what an answer reflects.
func Fresh(f *freshness.Freshness, now time.Time) string {
	line := "as of " + f.AsOf.UTC().Format("15:04:05Z")
	if f.Lag != nil {
		line += fmt.Sprintf(", lag %d", *f.Lag)
	}
	if last := f.LastEvent(); !last.IsZero() {
		line += ", last event " + Age(last, now)
	}
	return line
}

// Age says how long ago t was, such as "3 s ago"; after two days, on which day.
func Age(t, now time.Time) string {
	const days = 48 * time.Hour
	switch ago := now.Sub(t); {
	case ago >= days:
		return t.UTC().Format(time.DateOnly)
	case ago >= 2*time.Hour:
		return fmt.Sprintf("%d h ago", ago/time.Hour)
	case ago >= 2*time.Minute:
		return fmt.Sprintf("%d min ago", ago/time.Minute)
	case ago >= time.Second:
		return fmt.Sprintf("%d s ago", ago/time.Second)
	}
	return "just now"
}

// TableOptions fits a table to the terminal that w is, if it is one.
func TableOptions(w io.Writer) render.Options {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return render.Options{}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return render.Options{}
	}
	// https://no-color.org
	return render.Options{Width: width, Bold: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}
