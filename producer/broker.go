package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/internal/broker"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

const (
	defaultDataDir    = "data/broker"
	defaultPartitions = 8
)

func brokerCommand() *cli.Command {
	return &cli.Command{
		Name:  "broker",
		Usage: "run an embedded Kafka broker for development",
		Description: `Runs an embedded broker until Ctrl-C, and creates the topics purchases,
analytics and purchases.dlq. Acknowledged records survive a restart, even after
kill -9 or a full disk, which stops it. The broker has no retention: it keeps
everything.

It is for one machine and for tests: one broker, no replicas, no authentication,
loopback only. In production, use a real Kafka cluster and set it with
--bootstrap-servers.

Example:
   producer broker --data-dir data/broker`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Usage: "listen on the loopback address `HOST:PORT`; port 0 picks a free port",
				Value: kafka.DefaultBootstrap},
			&cli.StringFlag{Name: "data-dir", Usage: "keep the data in `DIR`, created if missing", Value: defaultDataDir},
			&cli.IntFlag{Name: "partitions", Usage: "create missing topics with `N` partitions", Value: defaultPartitions},
		},
		Action: runBroker,
	}
}

func runBroker(c *cli.Context) error {
	partitions := c.Int("partitions")
	if partitions < 1 || partitions > 1000 {
		return cmdline.Usagef("--partitions %d: want 1 to 1000", partitions)
	}
	if c.Args().Present() {
		return cmdline.Usagef("broker takes no arguments, got %q", c.Args().First())
	}
	b, err := broker.Start(c.Context, broker.Config{
		Listen:     c.String("listen"),
		DataDir:    c.String("data-dir"),
		Topics:     topics(),
		Partitions: int32(partitions),
		Log:        cmdline.Log(c, "broker"),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: broker ready on %s (data in %s)\n", c.App.Name, b.Addr(), c.String("data-dir"))
	return errors.Join(b.Wait(c.Context), b.Close())
}

// topics are those of the whole pipeline. The processor owns the last two, and
// nothing here depends on it.
func topics() []string { return []string{purchase.Topic, "analytics", "purchases.dlq"} }
