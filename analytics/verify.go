package main

import (
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/analytics/internal/verify"
	"purchases/producer/cmdline"
	bar "purchases/producer/cmdline/progress"
	"purchases/producer/kafka"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "recompute every statistic and report any difference",
		Description: "Recomputes every statistic from the events and compares. Checks counts, offsets, identities, rejected\n" +
			"records, names and the SQLite file. Compares the stored offsets and the last records with Kafka, if it\n" +
			"is reachable. Writes one line for each difference and exits with status 1 if there is any. Warns of gaps\n" +
			"and conflicts, which leave the numbers right. Changes nothing and may run beside `analytics run`.\n" +
			"After `analytics prune`, statistics of earlier days are compared with each other instead of with events.\n\n" +
			"Example:\n   analytics verify --db data/analytics.db",
		Flags:  append(kafka.Flags(), databaseFlag()),
		Action: verifyDatabase,
	}
}

func verifyDatabase(c *cli.Context) error {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics verify` takes no arguments, got %q", c.Args().First())
	}
	path := c.String("db")
	db, err := database.OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	report, err := recompute(c, db)
	if err != nil {
		return err
	}
	refusals, unasked := compareWithKafka(c, db)
	if unasked != nil && c.Context.Err() == nil {
		fmt.Fprintf(c.App.ErrWriter, "%s: not compared with Kafka: %v\n", c.App.Name, unasked)
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	for _, line := range report.Differences {
		fmt.Fprintln(c.App.Writer, line)
	}
	for _, refusal := range refusals {
		fmt.Fprintf(c.App.Writer, "Kafka: %v\n", refusal)
	}
	for _, warning := range report.Warnings {
		fmt.Fprintf(c.App.ErrWriter, "%s: warning: %s\n", c.App.Name, warning)
	}
	return conclude(c, path, report, len(refusals), unasked == nil)
}

func recompute(c *cli.Context, db *sqlx.DB) (verify.Report, error) {
	shown := bar.New(c.App.ErrWriter, c.App.Name+": verify", int64(verify.Count()), "checks")
	defer shown.Finish()
	return verify.Run(c.Context, db, func() { shown.Add(1) })
}

func compareWithKafka(c *cli.Context, db *sqlx.DB) (refusals []error, err error) {
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return nil, err
	}
	client, err := settings.Connect(c.Context, settings.Config())
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	return ingest.Inspect(c.Context, db, client)
}

// conclude says in one line that all is right, or returns what to do.
func conclude(c *cli.Context, path string, r verify.Report, refusals int, withKafka bool) error {
	switch n := len(r.Differences); {
	case n > 0:
		return fmt.Errorf("database %s has %d differences, listed above; run `analytics replay` to rebuild it from Kafka",
			path, n+refusals)
	case refusals > 0:
		return fmt.Errorf("database %s is consistent but does not agree with Kafka: %d differences; each line above says "+
			"what to run", path, refusals)
	}
	also := ""
	if withKafka {
		also = ", and Kafka agrees"
	}
	if r.Pruned > 0 {
		also += fmt.Sprintf("; %d of the events are pruned, so earlier days were compared with each other", r.Pruned)
	}
	_, err := fmt.Fprintf(c.App.Writer,
		"verified: %d events and %d rejected records agree with the statistics in %d checks%s\n",
		r.Events, r.Rejected, r.Checks, also)
	return err
}
