package preflight

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/kafka"
)

// Command is the command check of a program. Needs are those of the program
// with the flags given.
func Command(name string, needs func(*cli.Context) []Need, flags ...cli.Flag) *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "check topics, ACLs and settings on the cluster",
		Description: fmt.Sprintf(`Connects, logs in and contacts every broker. Lists the topics and the rights that
this program needs, and for each missing one how to add it. Changes nothing. The
exit status is 1 if something is missing.

Compares the clocks if Kafka reports its time, which needs Describe on the
cluster.

Example:
   %s check --kafka-config client.properties`, name),
		Flags: append(kafka.Flags(), flags...),
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return cmdline.Usagef("check takes no arguments, got %q", c.Args().First())
			}
			return run(c, needs(c))
		},
	}
}

func run(c *cli.Context, needs []Need) error {
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return err
	}
	report, err := Inspect(c.Context, settings, needs)
	if err != nil {
		return err
	}
	if err := report.Write(c.App.Writer); err != nil {
		return err
	}
	if len(report.Problems) > 0 {
		return fmt.Errorf("requirements not met (%d): %w", len(report.Problems), oneLine(report.Problems))
	}
	return nil
}
