package main

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/status"
	"purchases/analytics/internal/terminal"
	"purchases/producer/cmdline"
	"purchases/producer/kafka"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show how far each partition has been stored",
		Description: "For each partition the stored offset, and from Kafka, where it can be reached, the high watermark\n" +
			"and the consumer lag. missing counts offsets that had expired before they were read. Needs no running `analytics run`, and does not disturb one.\n\n" +
			"Example:\n   analytics status --output json",
		Flags:  append(kafka.Flags(), databaseFlag(), outputFlag()),
		Action: showStatus,
	}
}

var statusColumns = []query.Column{
	{Name: "topic", Type: query.Text},
	{Name: "partition", Type: query.Integer},
	{Name: "next_offset", Type: query.Integer},
	{Name: "high_watermark", Type: query.Integer},
	{Name: "lag", Type: query.Integer},
	{Name: "last_event", Type: query.Time},
	{Name: "stored_at", Type: query.Time},
	{Name: "missing", Type: query.Integer},
}

func showStatus(c *cli.Context) error {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics status` takes no arguments, got %q", c.Args().First())
	}
	format, err := render.ParseFormat(c.String("output"))
	if err != nil {
		return cmdline.Usagef("%v", err)
	}
	path := c.String("db")
	db, err := database.OpenReader(path)
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
	_, err = render.Write(c.App.Writer, format, render.Answer{
		Query: "status", Columns: statusColumns, Rows: statusRows(partitions),
	}, terminal.TableOptions(c.App.Writer))
	if err == nil {
		err = errors.Join(sayMissing(c, partitions), sayDatabaseSize(c, path))
	}
	return err
}

// sayMissing tells of gaps, which no later success makes good.
func sayMissing(c *cli.Context, partitions []status.Partition) (err error) {
	var missing int64
	for _, p := range partitions {
		missing += p.Missing
	}
	if missing > 0 {
		_, err = fmt.Fprintf(c.App.ErrWriter, "%s: %d offsets had expired before they were read and are missing from the statistics; `analytics query gaps` lists them\n",
			c.App.Name, missing)
	}
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

func statusRows(partitions []status.Partition) iter.Seq2[query.Row, error] {
	return func(yield func(query.Row, error) bool) {
		for _, p := range partitions {
			row := query.Row{
				p.Topic, int64(p.Partition), p.NextOffset, number(p.HighWatermark), number(p.Lag),
				instant(p.LastEvent()), instant(p.LastStored()), p.Missing,
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func number(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339)
}

// sayDatabaseSize adds what is no row.
func sayDatabaseSize(c *cli.Context, path string) error {
	_, err := fmt.Fprintf(c.App.ErrWriter, "%s: database %s, %.1f MB\n", c.App.Name, path, float64(databaseSize(path))/1e6)
	return err
}

// databaseSize is in bytes. The file's log counts: it holds what is not yet in
// the file itself.
func databaseSize(path string) int64 {
	file, log := database.Size(path)
	return file + log
}
