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
		Usage: "say whether the cluster has what this program needs",
		Description: fmt.Sprintf(`Connects and logs in, tries every broker, and lists the topics, the rights
that this program needs and those that it lacks, with what to do about each.
It changes nothing. The exit status is 1 when something is missing.

The clocks are compared where Kafka tells its time: to those that may Describe
the cluster.

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
