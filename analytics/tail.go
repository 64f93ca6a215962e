package main

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/terminal"
	"purchases/producer/cmdline"
)

const (
	tailLines    = 10
	tailInterval = time.Second
)

func tailCommand() *cli.Command {
	return &cli.Command{
		Name:  "tail",
		Usage: "follow events as they are stored",
		Description: "Writes the latest purchases and returns, then each new one, until Ctrl-C. Events that are much older\n" +
			"than the others stored with them may be omitted.\n\n" +
			"Examples:\n   analytics tail\n   analytics tail --rejected --output ndjson",
		Flags: []cli.Flag{
			databaseFlag(),
			outputFlag(),
			&cli.BoolFlag{Name: "rejected", DisableDefaultText: true, Usage: "follow dead letters instead"},
			&cli.IntFlag{Name: "lines", Aliases: []string{"n"}, Value: tailLines, Usage: "start with the latest `N`"},
			&cli.DurationFlag{Name: "interval", Value: tailInterval, Usage: "poll the database every `INTERVAL`"},
			&cli.BoolFlag{Name: "safe-csv", DisableDefaultText: true,
				Usage: "in CSV, put an apostrophe before texts that a spreadsheet would run as a formula"},
		},
		Action: tail,
	}
}

func tail(c *cli.Context) (err error) {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics tail` takes no arguments, got %q", c.Args().First())
	}
	lines, interval := c.Int("lines"), c.Duration("interval")
	if lines < 0 || interval <= 0 {
		return cmdline.Usagef("--lines %d, --interval %s: want 0 or more lines and a time such as 1s", lines, interval)
	}
	out, err := output(c)
	if err != nil {
		return err
	}
	pool, err := readonly.Open(c.String("db"), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	followed := terminal.Events()
	if c.Bool("rejected") {
		followed = terminal.Rejected()
	}
	return out.Follow(c.Context, pool, followed, lines, interval)
}
