package main

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/replay"
	"purchases/analytics/internal/terminal"
	bar "purchases/producer/cmdline/progress"
	"purchases/producer/purchase"
)

// showPlan says what is going to happen.
func showPlan(c *cli.Context, p *replay.Plan) error {
	w := c.App.Writer
	fmt.Fprintf(w, "rebuild %s from the topics %s and %s\n\n", p.Path, p.Topics.Events, p.Topics.DeadLetters)
	err := showTable(c, []query.Column{
		{Name: "topic", Type: query.Text}, {Name: "partition", Type: query.Integer},
		{Name: "from", Type: query.Integer}, {Name: "to", Type: query.Integer},
		{Name: "stored_before_from", Type: query.Integer},
	}, slices.Values(p.Logs), func(l replay.Log) query.Row {
		return query.Row{l.Topic, int64(l.Partition.Partition), l.From, l.To, l.Before}
	})
	assumed := "the rate of the last replay"
	if p.Assumed {
		assumed = "an assumption"
	}
	fmt.Fprintf(w, "\nrecords   %d at most; about %s at %d a second, %s\n", p.Records, p.Expected().
		Round(100*time.Millisecond), p.Rate, assumed)
	fmt.Fprintf(w, "disk      about %.1f MB needed, %.1f MB free\n", float64(p.Bytes)/1e6, float64(p.Free)/1e6)
	fmt.Fprintf(w, "built in  %s, while the current database stays in use\n", p.Build)
	fmt.Fprintf(w, "files     %s is created%s; no other file is touched\n", p.Build, fateOfOld(c, p))
	if p.Damage != nil {
		fmt.Fprintf(w, "compared  with nothing: %v\n", p.Damage)
	}
	if p.Moved {
		fmt.Fprintln(w, "compared  as a whole: the current database was built from other topics")
	}
	if n, day := p.Pruned(); n > 0 {
		fmt.Fprintf(w, "pruned    %d events from before %s, which come back if the log still has them; prune again "+
			"afterwards\n", n, day)
	}
	if n := p.Before(); n > 0 && p.KeepMissing {
		fmt.Fprintf(w, "taken over from the present data: %d records\n", n)
	}
	if p.Resume != "" {
		fmt.Fprintf(w, "found     %s\n", p.Resume)
	}
	return err
}

// fateOfOld says what becomes of the files there are.
func fateOfOld(c *cli.Context, p *replay.Plan) string {
	switch {
	case c.Bool("check-only"):
		return ", and removed after the comparison"
	case p.Aside != "":
		return ", " + database.ResolvePath(p.Path) + " is renamed to " + p.Aside
	}
	return ", " + database.ResolvePath(p.Path) + " is removed when the new database is in use"
}

// showReport shows old against new.
func showReport(c *cli.Context, r *replay.Report) error {
	for _, line := range r.Wrong {
		fmt.Fprintln(c.App.Writer, line)
	}
	errs := []error{
		showFigures(c, query.Integer, r.Figures, func(f replay.Figure) bool { return !f.Money() }),
		showFigures(c, query.Money, r.Figures, replay.Figure.Money),
	}
	return errors.Join(errs...)
}

func showFigures(c *cli.Context, kind query.ColumnType, figures []replay.Figure,
	chosen func(replay.Figure) bool) error {
	figures = slices.DeleteFunc(slices.Clone(figures), func(f replay.Figure) bool { return !chosen(f) })
	if len(figures) == 0 {
		return nil
	}
	fmt.Fprintln(c.App.Writer)
	return showTable(c, []query.Column{
		{Name: "figure", Type: query.Text}, {Name: "currency", Type: query.Text},
		{Name: "old", Type: kind}, {Name: "new", Type: kind}, {Name: "difference", Type: kind},
	}, slices.Values(figures), func(f replay.Figure) query.Row {
		return query.Row{f.Name, f.Currency, amount(f, f.Before), amount(f, f.After), amount(f, f.After-f.Before)}
	})
}

// amount gives a number of the figure its type.
func amount(f replay.Figure, n int64) any {
	if f.Money() {
		return purchase.Micros(n)
	}
	return n
}

func showTable[T any](c *cli.Context, columns []query.Column, values iter.Seq[T], row func(T) query.Row) error {
	rows := func(yield func(query.Row, error) bool) {
		for v := range values {
			if !yield(row(v), nil) {
				return
			}
		}
	}
	_, err := render.Write(c.App.Writer, render.Table, render.Answer{Columns: columns, Rows: rows},
		terminal.TableOptions(c.App.Writer))
	return err
}

// concludeRebuild says how it ended. A check that has found differences is an error.
func concludeRebuild(c *cli.Context, r *replay.Report, took time.Duration) error {
	w := c.App.Writer
	if c.Bool("check-only") {
		if err := showReport(c, r); err != nil {
			return err
		}
	}
	counts := fmt.Sprintf("%d records read", r.Records)
	if r.Carried > 0 {
		counts += fmt.Sprintf(", %d taken over", r.Carried)
	}
	took = took.Round(time.Millisecond)
	switch n := r.Differences(); {
	case !c.Bool("check-only"):
		fmt.Fprintf(w, "\nthe new database is in use: %s, %d differences, %s\n", counts, n, took)
	case n > 0:
		return fmt.Errorf("%d differences between the current database and the new one: %s, %s; nothing was changed; run "+
			"`%s` without --check-only to swap in the new one",
			n, counts, took, c.Command.HelpName)
	default:
		fmt.Fprintf(w, "\nthe current database equals the new one: %s, %s; nothing was changed\n", counts, took)
	}
	return nil
}

// observer shows how far a rebuild is, stage by stage, and with it each
// partition of the first topic.
func observer(c *cli.Context, logs []replay.Log) replay.Observer {
	var shown *bar.Bar
	at := map[batch.Partition]int64{}
	return replay.Observer{
		Begin: func(stage string, total int64, unit string) {
			shown = bar.New(c.App.ErrWriter, c.App.Name+": "+stage, total, unit)
		},
		Stored: func(chunks []batch.Chunk) {
			for _, chunk := range chunks {
				at[chunk.Partition] = chunk.Next
			}
			shown.Note(positionsOf(logs, at))
			shown.Add(int64(batch.Records(chunks)))
		},
		Step: func() { shown.Add(1) },
		End:  func() { shown.Finish() },
	}
}

const shownPartitions = 12 // more would not fit on a line

// positionsOf is such as "partitions at 45 47 46 %": how much of each partition
// of the first topic is read. It is empty before any is.
func positionsOf(logs []replay.Log, at map[batch.Partition]int64) string {
	var parts []string
	var sum int64
	for _, l := range logs[:min(len(logs), shownPartitions)] {
		if l.Topic != logs[0].Topic || l.To <= l.From {
			continue
		}
		done := max(at[l.Partition], l.From) - l.From
		parts = append(parts, fmt.Sprint(min(100*done/(l.To-l.From), 100)))
		sum += done
	}
	if sum == 0 {
		return ""
	}
	return "partitions at " + strings.Join(parts, " ") + " %"
}
