package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/replay"
	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/zone"
	"purchases/producer/cmdline"
	bar "purchases/producer/cmdline/progress"
)

func pruneCommand() *cli.Command {
	return &cli.Command{
		Name:  "prune",
		Usage: "delete old raw events and keep the statistics",
		Description: "Deletes the raw events from before a day, the oldest first, and nothing else: statistics, orders and\n" +
			"logs stay, and still count them. `analytics run` may keep running. It then rejects events from before that\n" +
			"day, because it could not tell them from events that were counted. An interrupted prune changes no number;\n" +
			"run it again. `analytics run --keep 90d` prunes once a day.\n\n" +
			"Examples:\n   analytics prune --before 90d --dry-run\n   analytics prune --before 2026-01-31",
		Flags: []cli.Flag{
			databaseFlag(),
			&cli.StringFlag{
				Name:  "before",
				Usage: "delete events from before `DAY`: an age such as 90d, or a day of the reporting zone such as 2026-01-31",
			},
			&cli.BoolFlag{Name: "dry-run", DisableDefaultText: true, Usage: "only show what would be deleted"},
			&cli.BoolFlag{Name: "yes", DisableDefaultText: true, Usage: "do not ask"},
		},
		Action: prune,
	}
}

func prune(c *cli.Context) error {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics prune` takes no arguments, got %q", c.Args().First())
	}
	plan, err := planPrune(c)
	if err != nil {
		return err
	}
	showPrune(c, plan)
	if plan.Events == 0 || c.Bool("dry-run") {
		return nil
	}
	if err := confirm(c, fmt.Sprintf("Delete these %d events?", plan.Events)); errors.Is(err, replay.ErrDeclined) {
		return fmt.Errorf("prune %s: declined; nothing was deleted", plan.Path)
	} else if err != nil {
		return err
	}
	shown := bar.New(c.App.ErrWriter, c.App.Name+": prune", plan.Events, "events")
	report, err := retention.Run(c.Context, plan, func(n int64) { shown.Add(n) })
	shown.Finish()
	if err != nil {
		return err
	}
	concludePrune(c, report)
	return nil
}

func planPrune(c *cli.Context) (plan retention.Plan, err error) {
	if c.String("before") == "" {
		return plan, cmdline.Usagef("`analytics prune` needs a day: --before 90d, or such as --before 2026-01-31")
	}
	db, err := database.OpenReader(c.String("db"))
	if err != nil {
		return plan, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	z, err := zone.Stored(c.Context, db)
	if err != nil {
		return plan, err
	}
	kept, err := retention.ParseBefore(c.String("before"), time.Now(), z)
	if err != nil {
		return plan, cmdline.Usagef("--before %v", err)
	}
	return retention.Prepare(c.Context, db, c.String("db"), z.Name, kept)
}

// showPrune says what is to be deleted.
func showPrune(c *cli.Context, p retention.Plan) {
	w := c.App.Writer
	if p.Events == 0 {
		fmt.Fprintf(w, "%s has no events from before %s; nothing to delete\n", p.Path, p.Kept.Date())
		return
	}
	fmt.Fprintf(w, "delete    %d events of %s, from %s to %s\n", p.Events, p.Path, instantOf(p.First), instantOf(p.Last))
	fmt.Fprintf(w, "keep      events since %s, which begins at %s in %s; all statistics, orders and logs\n",
		p.Kept.Date(), p.Kept.Time().Format(time.RFC3339), p.Zone)
	fmt.Fprintln(w, "from then on, older events that arrive are rejected, and `analytics rebuild-rollups` is not possible")
}

func instantOf(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

func concludePrune(c *cli.Context, r retention.Report) {
	fmt.Fprintf(c.App.Writer, "deleted %d events; the file is %.1f MB smaller\n", r.Events, float64(r.Bytes)/1e6)
	if r.Unused > 0 {
		fmt.Fprintf(c.App.ErrWriter, "%s: %.1f MB of the file are unused and will be filled first; `analytics backup` "+
			"writes a copy without them\n",
			c.App.Name, float64(r.Unused)/1e6)
	}
}
