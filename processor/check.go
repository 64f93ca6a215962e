package main

import (
	"fmt"

	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka/preflight"
	"purchases/producer/purchase"
)

func checkCommand() *cli.Command {
	return preflight.Command("processor", needs,
		groupFlag(),
		&cli.StringFlag{Name: "topic", Value: purchase.Topic, Usage: "topic to read purchases from"},
		&cli.StringFlag{Name: "to", Value: enriched.Topic, Usage: "topic to write enriched events to"},
		&cli.StringFlag{Name: "dead-letters", Value: deadletter.Topic, Usage: "topic to write dead letters to"},
	)
}

// needs are what run relies on.
func needs(c *cli.Context) []preflight.Need {
	group, input := group(c), c.String("topic")
	ids := fmt.Sprintf("%s-%s-", group, input) // a partition's number follows
	return []preflight.Need{
		{Kind: preflight.Topic, Name: input, Operation: sarama.AclOperationRead, Why: "read purchases"},
		{Kind: preflight.Topic, Name: c.String("to"), Operation: sarama.AclOperationWrite, Why: "write events"},
		{Kind: preflight.Topic, Name: c.String("dead-letters"), Operation: sarama.AclOperationWrite,
			Why: "write dead letters"},
		{Kind: preflight.Group, Name: group, Operation: sarama.AclOperationRead,
			Why: "share the work and commit the progress"},
		{Kind: preflight.TransactionalID, Name: ids + "0", Prefix: ids, Operation: sarama.AclOperationWrite,
			Why: "commit results and progress together"},
	}
}
