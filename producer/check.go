package main

import (
	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/producer/kafka/preflight"
	"purchases/producer/purchase"
)

func checkCommand() *cli.Command {
	return preflight.Command("producer", needs,
		&cli.StringFlag{Name: "topic", Usage: "publish to the topic `NAME`", Value: purchase.Topic})
}

// needs are what import and generate rely on.
func needs(c *cli.Context) []preflight.Need {
	return []preflight.Need{
		{Kind: preflight.Topic, Name: c.String("topic"), Operation: sarama.AclOperationWrite, Why: "publish purchases"},
		{Kind: preflight.Cluster, Operation: sarama.AclOperationIdempotentWrite,
			Why: "publish each once; comes with Write since Kafka 2.8"},
	}
}
