package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/replay"
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
		Flags:  rebuildFlags(),
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
	if err := confirm(c, "Compute all statistics of "+c.String("db")+" anew?"); err != nil {
		return err
	}
	began := time.Now()
	report, err := replay.Rollups(c.Context, c.String("db"), rebuildOptions(c, nil))
	if err != nil {
		return err
	}
	return concludeRebuild(c, report, time.Since(began))
}
