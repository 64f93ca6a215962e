package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/backup"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/verify"
	"purchases/producer/cmdline"
	bar "purchases/producer/cmdline/progress"
)

func backupCommand() *cli.Command {
	return &cli.Command{
		Name:      "backup",
		Usage:     "save a verified copy of the database",
		ArgsUsage: "FILE",
		Description: "Copies the database as of one moment and verifies the copy. `analytics run` may keep running. FILE must\n" +
			"not exist. It becomes one compact file without a write-ahead log, readable only by its owner.\n" +
			"`analytics restore` restores the database from it.\n\n" +
			"Example:\n   analytics backup /backups/analytics-2026-01-31.db",
		Flags: []cli.Flag{databaseFlag()},
		Action: func(c *cli.Context) error {
			file, err := onlyFile(c)
			if err != nil {
				return err
			}
			path := c.String("db")
			o, finish := copyObserver(c, path)
			report, err := backup.Save(c.Context, path, file, o)
			finish()
			return sayCopied(c, file, report, err)
		},
	}
}

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "restore the database from a backup",
		ArgsUsage: "FILE",
		Description: "Copies FILE to the path of the database and verifies the copy. It overwrites nothing: move an existing\n" +
			"database and its -wal file away first. `analytics run` then resumes from the offsets of the backup. It\n" +
			"reaches the same statistics if Kafka still has all later records.\n\n" +
			"Example:\n   analytics restore /backups/analytics-2026-01-31.db",
		Flags: []cli.Flag{databaseFlag()},
		Action: func(c *cli.Context) error {
			file, err := onlyFile(c)
			if err != nil {
				return err
			}
			o, finish := copyObserver(c, file)
			report, err := backup.Restore(c.Context, file, c.String("db"), o)
			finish()
			return sayCopied(c, c.String("db"), report, err)
		},
	}
}

func onlyFile(c *cli.Context) (string, error) {
	if c.NArg() != 1 || c.Args().First() == "" {
		return "", cmdline.Usagef("`%s` takes one FILE, got %d arguments", c.Command.HelpName, c.NArg())
	}
	return c.Args().First(), nil
}

// copyObserver shows the copying and then the verifying of a database.
func copyObserver(c *cli.Context, source string) (o backup.Observer, finish func()) {
	shown := bar.New(c.App.ErrWriter, c.App.Name+": copy", databaseSize(source), bar.Bytes)
	verifying := false
	return backup.Observer{
		Copied: func(bytes int64) { shown.Set(bytes) },
		Verified: func() {
			if !verifying {
				verifying = true
				shown.Finish()
				shown = bar.New(c.App.ErrWriter, c.App.Name+": verify", int64(verify.Count()), "checks")
			}
			shown.Add(1)
		},
	}, func() { shown.Finish() }
}

func sayCopied(c *cli.Context, file string, r verify.Report, err error) error {
	if err != nil {
		return err
	}
	size, _ := database.Size(file)
	_, err = fmt.Fprintf(c.App.Writer, "%s: %.1f MB, %d events and %d rejected records, verified in %d checks\n", file,
		float64(size)/1e6, r.Events, r.Rejected, r.Checks)
	return err
}
