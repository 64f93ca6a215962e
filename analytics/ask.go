package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/terminal"
	"purchases/producer/cmdline"
)

const waitLimit = 30 * time.Second // of --wait-for

// askFlags are those of every command that answers from the database.
func askFlags() []cli.Flag {
	return []cli.Flag{
		databaseFlag(),
		outputFlag(),
		&cli.BoolFlag{Name: "safe-csv", DisableDefaultText: true,
			Usage: "in CSV, put an apostrophe before texts that a spreadsheet would run as a formula"},
		&cli.StringFlag{Name: "wait-for",
			Usage: "wait until the answer reflects the record at `TOPIC:PARTITION:OFFSET`, such as purchases:0:41; fail after " +
				"30 s"},
		&cli.DurationFlag{Name: "watch", Usage: "repeat every `INTERVAL` until stopped"},
	}
}

// ask opens the database and answers, once or with --watch again and again.
func ask(c *cli.Context, q terminal.Question) (err error) {
	out, err := output(c)
	if err != nil {
		return err
	}
	interval := c.Duration("watch")
	if c.IsSet("watch") && interval <= 0 {
		return cmdline.Usagef("--watch %s: want a time such as 2s", interval)
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
	if interval > 0 {
		return out.Watch(c.Context, pool, q, interval)
	}
	return out.Answer(c.Context, pool, q)
}

func output(c *cli.Context) (*terminal.Output, error) {
	format, err := render.ParseFormat(c.String("output"))
	if err != nil {
		return nil, cmdline.Usagef("%v", err)
	}
	return &terminal.Output{
		Format: format, Out: c.App.Writer, Notes: c.App.ErrWriter, Program: c.App.Name, SafeCSV: c.Bool("safe-csv"),
		Plot: c.Bool("plot"),
		Fit:  func() render.Options { return terminal.TableOptions(c.App.Writer) },
	}, nil
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
