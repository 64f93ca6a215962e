package main

import (
	"fmt"

	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka/check"
	"purchases/producer/purchase"
)

func checkCommand() *cli.Command {
	return check.Command("processor", needs,
		groupFlag(),
		&cli.StringFlag{Name: "topic", Value: purchase.Topic, Usage: "topic to read purchases from"},
		&cli.StringFlag{Name: "to", Value: enriched.Topic, Usage: "topic to write enriched events to"},
		&cli.StringFlag{Name: "dead-letters", Value: deadletter.Topic, Usage: "topic to write dead letters to"},
	)
}

// needs are what run relies on.
func needs(c *cli.Context) []check.Need {
	group, input := group(c), c.String("topic")
	ids := fmt.Sprintf("%s-%s-", group, input) // a partition's number follows
	return []check.Need{
		{Kind: check.Topic, Name: input, Operation: sarama.AclOperationRead, Why: "read purchases"},
		{Kind: check.Topic, Name: c.String("to"), Operation: sarama.AclOperationWrite, Why: "write events"},
		{Kind: check.Topic, Name: c.String("dead-letters"), Operation: sarama.AclOperationWrite, Why: "write dead letters"},
		{Kind: check.Group, Name: group, Operation: sarama.AclOperationRead, Why: "share the work and commit the progress"},
		{Kind: check.TransactionalID, Name: ids + "0", Prefix: ids, Operation: sarama.AclOperationWrite, Why: "commit results and progress together"},
	}
}
