// Command processor validates and enriches purchases: it reads them from one
// Kafka topic and writes events and dead letters to two others, exactly once.
package main

import (
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
)

func main() { cmdline.Main(app()) }

func app() *cli.App {
	return &cli.App{
		Name:  "processor",
		Usage: "validate and enrich purchases, exactly once",
		Description: `Reads the topic purchases, writes each valid event to the topic analytics and
each other message, with the reason, to the topic purchases.dlq.

Example:

    producer broker &
    processor run`,
		Commands: []*cli.Command{runCommand(), dlqCommand(), checkCommand()},
	}
}
