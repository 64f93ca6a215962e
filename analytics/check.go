package main

import (
	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka/check"
)

func checkCommand() *cli.Command {
	return check.Command("analytics", needs,
		&cli.StringFlag{Name: "topic", Value: enriched.Topic, Usage: "read events from `TOPIC`"},
		&cli.StringFlag{Name: "dead-letters", Value: deadletter.Topic, Usage: "read dead letters from `TOPIC`"},
		&cli.StringFlag{Name: "group", Value: "analytics", Usage: "show the stored offsets to lag tools as consumer `GROUP`"},
	)
}

// needs are what run relies on.
func needs(c *cli.Context) []check.Need {
	return []check.Need{
		{Kind: check.Topic, Name: c.String("topic"), Operation: sarama.AclOperationRead, Why: "read events"},
		{Kind: check.Topic, Name: c.String("dead-letters"), Operation: sarama.AclOperationRead, Why: "read dead letters"},
		{Kind: check.Group, Name: c.String("group"), Operation: sarama.AclOperationRead, Optional: true, Why: "show the consumer lag to Kafka's tools"},
	}
}
