package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/gaps"
	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/retention"
	"purchases/analytics/internal/terminal"
	"purchases/producer/cmdline"
	"purchases/producer/kafka"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show the consumer lag of the database",
		Description: "Shows the consumer lag and the latest event of each topic, or of each partition with --partitions,\n" +
			"and the purchases that wait for a processor. Formats other than table always list the partitions.\n" +
			"The lag comes from Kafka, if it is reachable. The command works with and without a running\n`analytics run`.\n\n" +
			"Examples:\n   analytics status\n   analytics status --output json",
		Flags: append(kafka.Flags(), databaseFlag(), outputFlag(), processorGroupFlag(),
			&cli.BoolFlag{Name: "partitions", DisableDefaultText: true, Usage: "show each partition, with its offsets"}),
		Action: showStatus,
	}
}

func processorGroupFlag() cli.Flag {
	return &cli.StringFlag{Name: "processor-group", Value: lag.ProcessorGroup,
		Usage: "consumer `GROUP` of the processors, whose backlog is shown"}
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
	known, err := readStatus(c, db)
	if err != nil {
		return err
	}
	table := known.table(format, c.Bool("partitions"))
	if _, err = render.Write(c.App.Writer, format, table, terminal.TableOptions(c.App.Writer)); err != nil {
		return err
	}
	if format == render.Table && c.Bool("partitions") && terminal.OnlyMarkersFollow(known.positions, known.ends) {
		fmt.Fprintf(c.App.ErrWriter, "%s: lag 0 below the high watermark: only transaction markers follow, which are not "+
			"records\n", c.App.Name)
	}
	known.sayOpen(c)
	known.sayBacklog(c)
	return errors.Join(sayMissing(c, db), sayDatabase(c, db))
}

func sayMissing(c *cli.Context, db *sqlx.DB) error {
	warning, err := gaps.Warning(c.Context, db)
	if err == nil && warning != "" {
		_, err = fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", c.App.Name, warning)
	}
	return err
}

// known is what the database knows, and what Kafka says of it.
type known struct {
	positions []lag.Position
	ends      lag.Ends     // nil when Kafka cannot be reached
	backlog   *lag.Backlog // nil when Kafka does not say
}

func readStatus(c *cli.Context, db *sqlx.DB) (k known, err error) {
	if k.positions, err = lag.Read(c.Context, db); err != nil {
		return k, err
	}
	input, err := lag.FindInput(c.Context, db, c.String("processor-group"))
	if err != nil {
		return k, err
	}
	if err := k.ask(c, input); err != nil {
		fmt.Fprintf(c.App.ErrWriter, "%s: the lag is unknown: %v\n", c.App.Name, err)
	}
	return k, nil
}

// ask asks Kafka.
func (k *known) ask(c *cli.Context, input lag.Input) error {
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return err
	}
	client, err := settings.Connect(c.Context, settings.Config())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if k.ends, err = lag.Find(client, k.positions); err != nil {
		return err
	}
	backlog, err := input.Find(client)
	if err != nil {
		fmt.Fprintf(c.App.ErrWriter, "%s: the backlog of the processors is unknown: %v\n", c.App.Name, err)
		return nil
	}
	k.backlog = &backlog
	return nil
}

func (k *known) table(format render.Format, partitions bool) (table render.Answer) {
	now := time.Now()
	switch {
	case format != render.Table:
		table = terminal.Partitions(k.positions, k.ends)
	case partitions:
		table = terminal.PartitionAges(k.positions, k.ends, now)
	default:
		table = terminal.Topics(k.positions, k.ends, k.backlog, now)
	}
	table.Query = "status"
	return table
}

// sayOpen names the partitions in which somebody's transaction keeps the reader
// from what stands behind it.
func (k *known) sayOpen(c *cli.Context) {
	for _, p := range k.positions {
		if open := k.ends[p.Partition].Open; open != nil {
			fmt.Fprintf(c.App.ErrWriter, "%s: an open transaction blocks %s from offset %d, since %s\n",
				c.App.Name, p.Partition, open.Offset, terminal.Age(open.Since, time.Now()))
		}
	}
}

func (k *known) sayBacklog(c *cli.Context) {
	if b := k.backlog; b != nil && b.Lag > 0 && b.Members == 0 {
		fmt.Fprintf(c.App.ErrWriter, "%s: no processor is running: %d offsets of %s wait and consumer group %s has no "+
			"member; run `processor run`\n",
			c.App.Name, b.Lag, b.Topic, b.Group)
	}
}

// sayDatabase adds what is no row.
func sayDatabase(c *cli.Context, db *sqlx.DB) error {
	var zone string
	if err := db.GetContext(c.Context, &zone, `SELECT zone FROM internal_database`); err != nil {
		return fmt.Errorf("read the reporting zone: %w", err)
	}
	kept, err := retention.Read(c.Context, db)
	if err != nil {
		return err
	}
	since := ""
	if kept.Pruned() {
		since = ", raw events since " + kept.Date()
	}
	path := c.String("db")
	_, err = fmt.Fprintf(c.App.ErrWriter, "%s: database %s, %.1f MB, reporting zone %s%s\n",
		c.App.Name, path, float64(databaseSize(path))/1e6, zone, since)
	return err
}

// databaseSize is in bytes. The file's log counts: it holds what is not yet in
// the file itself.
func databaseSize(path string) int64 {
	file, log := database.Size(path)
	return file + log
}
