package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/status"
	"purchases/analytics/internal/terminal"
	"purchases/producer/cmdline"
	"purchases/producer/kafka"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show how far the database is behind its topics",
		Description: "Shows the consumer lag and the latest event of each topic, with --partitions of each partition. The lag\n" +
			"comes from Kafka, where it can be reached. Formats other than the table always have all partitions.\n" +
			"It needs no running `analytics run`, and does not disturb one.\n\n" +
			"Examples:\n   analytics status\n   analytics status --output json",
		Flags: append(kafka.Flags(), databaseFlag(), outputFlag(),
			&cli.BoolFlag{Name: "partitions", DisableDefaultText: true, Usage: "show each partition, with its offsets"}),
		Action: showStatus,
	}
}

func showStatus(c *cli.Context) error {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics status` takes no arguments, got %q", c.Args().First())
	}
	format, err := render.ParseFormat(c.String("output"))
	if err != nil {
		return cmdline.Usagef("%v", err)
	}
	db, err := database.OpenReader(c.String("db"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	partitions, err := status.Read(c.Context, db)
	if err != nil {
		return err
	}
	if err := addLag(c, partitions); err != nil {
		fmt.Fprintf(c.App.ErrWriter, "%s: the lag is unknown: %v\n", c.App.Name, err)
	}
	now := time.Now()
	table := terminal.Topics(partitions, now)
	switch {
	case format != render.Table:
		table = terminal.Partitions(partitions)
	case c.Bool("partitions"):
		table = terminal.PartitionAges(partitions, now)
	}
	table.Query = "status"
	if _, err = render.Write(c.App.Writer, format, table, terminal.TableOptions(c.App.Writer)); err != nil {
		return err
	}
	if format == render.Table && c.Bool("partitions") && terminal.OnlyMarkersFollow(partitions) {
		fmt.Fprintf(c.App.ErrWriter, "%s: lag 0 below the high watermark: only transaction markers follow, which are no records\n", c.App.Name)
	}
	return errors.Join(sayMissing(c, db), sayDatabase(c, db))
}

// sayMissing tells of gaps, which no later success makes good: of those before
// `processor`, too, whose topic is none of the partitions here.
func sayMissing(c *cli.Context, db *sqlx.DB) error {
	var missing int64
	if err := db.GetContext(c.Context, &missing, `SELECT ifnull(sum(to_offset - from_offset + 1), 0) FROM gaps`); err != nil {
		return fmt.Errorf("read the gaps: %w", err)
	}
	if missing == 0 {
		return nil
	}
	_, err := fmt.Fprintf(c.App.ErrWriter, "%s: %d offsets had expired before they were read and are missing from the statistics; `analytics query gaps` lists them\n",
		c.App.Name, missing)
	return err
}

func addLag(c *cli.Context, partitions []status.Partition) error {
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return err
	}
	client, err := settings.Connect(c.Context, settings.Config())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return status.AddLag(client, partitions)
}

// sayDatabase adds what is no row.
func sayDatabase(c *cli.Context, db *sqlx.DB) error {
	var zone string
	if err := db.GetContext(c.Context, &zone, `SELECT zone FROM internal_database`); err != nil {
		return fmt.Errorf("read the reporting zone: %w", err)
	}
	path := c.String("db")
	_, err := fmt.Fprintf(c.App.ErrWriter, "%s: database %s, %.1f MB, reporting zone %s\n", c.App.Name, path, float64(databaseSize(path))/1e6, zone)
	return err
}

// databaseSize is in bytes. The file's log counts: it holds what is not yet in
// the file itself.
func databaseSize(path string) int64 {
	file, log := database.Size(path)
	return file + log
}
