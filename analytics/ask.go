package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
	"purchases/producer/cmdline"
)

const (
	waitLimit   = 30 * time.Second // of --wait-for
	clearScreen = "\x1b[H\x1b[2J\x1b[3J"
)

// askFlags are those of every command that answers from the database.
func askFlags() []cli.Flag {
	return []cli.Flag{
		databaseFlag(),
		outputFlag(),
		&cli.BoolFlag{Name: "safe-csv", Usage: "put an apostrophe before texts of a CSV that a spreadsheet would run as a formula"},
		&cli.StringFlag{Name: "wait-for", Usage: "answer once the record at `TOPIC:PARTITION:OFFSET`, such as purchases:0:41, has its effect, or fail after 30 s"},
		&cli.DurationFlag{Name: "watch", Usage: "ask again every `INTERVAL`, until stopped"},
	}
}

// asker answers one question from one database as the flags say.
type asker struct {
	question
	pool   *readonly.Pool
	format render.Format
	out    io.Writer
	notes  io.Writer // for what is not part of the answer
	name   string    // of the program
	safe   bool
}

// question is what an asker asks.
type question struct {
	answer.Question
	// maxRows fails an answer with more; 0 means no limit.
	maxRows int
	// timeLimit fails an answer that takes longer; 0 means no limit.
	timeLimit time.Duration
}

// ask opens the database and answers, once or with --watch again and again.
func ask(c *cli.Context, q question) (err error) {
	format, err := render.ParseFormat(c.String("output"))
	if err != nil {
		return cmdline.Usagef("%v", err)
	}
	target, err := waitTarget(c)
	if err != nil {
		return err
	}
	pool, err := readonly.Open(c.String("db"), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	if err := waitFor(c.Context, pool, target); err != nil {
		return err
	}
	a := &asker{q, pool, format, c.App.Writer, c.App.ErrWriter, c.App.Name, c.Bool("safe-csv")}
	if interval := c.Duration("watch"); c.IsSet("watch") {
		return a.watch(c.Context, interval)
	}
	return a.answer(c.Context)
}

// waitTarget reads --wait-for; nil means that there is nothing to wait for.
func waitTarget(c *cli.Context) (*freshness.Target, error) {
	if !c.IsSet("wait-for") {
		return nil, nil
	}
	target, err := freshness.ParseTarget(c.String("wait-for"))
	if err != nil {
		return nil, cmdline.Usagef("--wait-for %v", err)
	}
	return &target, nil
}

func waitFor(ctx context.Context, pool *readonly.Pool, target *freshness.Target) error {
	if target == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	return freshness.Wait(ctx, pool, *target)
}

// watch answers until ctx ends, which is no error.
func (a *asker) watch(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		return cmdline.Usagef("--watch %s: want a time such as 2s", interval)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if tableOptions(a.out).Width > 0 && a.format == render.Table {
			fmt.Fprint(a.out, clearScreen)
		}
		if err := a.answer(ctx); err != nil {
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

// answer writes one answer, and says what it reflects: JSON says it itself,
// beside the others it stands on stderr.
func (a *asker) answer(ctx context.Context) (err error) {
	if a.timeLimit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.timeLimit)
		defer cancel()
	}
	opened, err := a.Open(ctx, a.pool)
	if err != nil {
		return a.explain(err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	n, err := a.write(ctx, opened)
	if err != nil {
		return a.explain(err)
	}
	a.say(n, &opened.Freshness)
	return nil
}

func (a *asker) write(ctx context.Context, opened *answer.Answer) (int, error) {
	rows, err := opened.Rows(ctx)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	all := rows.All()
	if a.maxRows > 0 {
		all = query.Limit(all, a.maxRows)
	}
	options := tableOptions(a.out)
	options.Bar, options.SafeCSV = a.Query.Ranked(a.Args), a.safe
	n, err := render.Write(a.out, a.format, render.Answer{
		Query: a.Query.Name, Args: a.Args, Columns: rows.Columns(), Freshness: &opened.Freshness, Rows: all,
	}, options)
	if err != nil && n > 0 {
		return n, fmt.Errorf("after %d rows: %w", n, err)
	}
	return n, err
}

// explain adds the query's name, or the flag that helps.
func (a *asker) explain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && a.timeLimit > 0 {
		return fmt.Errorf("the time limit of %s is over, --timeout sets another: %w", a.timeLimit, err)
	}
	if a.Query.Name != "" {
		return fmt.Errorf("query %s: %w", a.Query.Name, err)
	}
	return err
}

// say tells a person what the answer reflects, and why it may have no rows.
func (a *asker) say(rows int, fresh *freshness.Freshness) {
	switch {
	case rows == 0 && fresh.Empty():
		fmt.Fprintf(a.notes, "%s: no rows: the database is still empty; `analytics run` fills it\n", a.name)
	case rows == 0:
		fmt.Fprintf(a.notes, "%s: no rows for these parameters\n", a.name)
	}
	if a.format != render.JSON {
		fmt.Fprintf(a.notes, "%s: %s\n", a.name, fresh)
	}
}

// tableOptions fits a table to the terminal that w is, if it is one.
func tableOptions(w io.Writer) render.Options {
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
