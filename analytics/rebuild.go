package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/replay"
	"purchases/analytics/internal/zone"
	"purchases/producer/cmdline"
)

func rebuildCommand() *cli.Command {
	return &cli.Command{
		Name:  "rebuild-rollups",
		Usage: "recompute the statistics from the stored events",
		Description: "Copies the database, recomputes every statistic of the copy from its events without Kafka, compares, and\n" +
			"swaps in the copy atomically. Until then, queries use the current database and a running `analytics run`\n" +
			"keeps filling it. Afterwards it reads from Kafka again the records stored since the copy was made.\n\n" +
			"Example:\n   analytics rebuild-rollups --check-only   # exit status 1 if a statistic is wrong",
		Flags: append(rebuildFlags(), &cli.StringFlag{
			Name: "zone", Usage: "count days, weeks, months and orders in the time zone `ZONE`, such as Europe/Paris",
			DefaultText: "the database's",
		}),
		Action: rebuildRollups,
	}
}

func rebuildRollups(c *cli.Context) error {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics rebuild-rollups` takes no arguments, got %q", c.Args().First())
	}
	if err := checkRebuildFlags(c); err != nil {
		return err
	}
	if name := c.String("zone"); name != "" {
		if _, err := zone.Load(name); err != nil {
			return cmdline.Usagef("--zone: %v", err)
		}
	}
	if err := confirm(c, "Recompute all statistics of "+c.String("db")+
		"? A copy replaces its file, which is removed."); err != nil {
		return err
	}
	began := time.Now()
	options := rebuildOptions(c, nil)
	options.Zone = c.String("zone")
	report, err := replay.Rollups(c.Context, c.String("db"), options)
	if err != nil {
		return err
	}
	return concludeRebuild(c, report, time.Since(began))
}
