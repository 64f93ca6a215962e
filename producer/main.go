// Command producer publishes purchases to Kafka: from files, or made up.
package main

import (
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
)

func main() { cmdline.Main(app()) }

func app() *cli.App {
	return &cli.App{
		Name:        "producer",
		Usage:       "publish purchases to Kafka",
		Description: "Example:\n   producer broker &\n   producer import --sample",
		Commands: []*cli.Command{
			brokerCommand(),
			importCommand(),
			generateCommand(),
			retractCommand(),
			topicsCommand(),
			checkCommand(),
		},
	}
}
