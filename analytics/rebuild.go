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
		Usage: "compute the statistics anew from the stored events",
		Description: "Copies the database, computes every statistic of the copy from its events, without Kafka, compares,\n" +
			"and puts the copy in place in one step. Until then queries are answered from the present data, and a\n" +
			"running `analytics run` goes on filling them; afterwards it reads again what came after the copy.\n\n" +
			"Example:\n   analytics rebuild-rollups --check-only   # exit status 1 where a statistic is wrong",
		Flags: append(rebuildFlags(), &cli.StringFlag{
			Name: "zone", Usage: "count days, weeks, months and orders by the clock of `ZONE`, such as Europe/Paris", DefaultText: "the database's",
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
	if err := confirm(c, "Compute all statistics of "+c.String("db")+" anew? A copy beside it takes the place of its file, which is removed."); err != nil {
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
