package main

import (
	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/ingest"
	"purchases/producer/kafka/preflight"
)

func checkCommand() *cli.Command {
	return preflight.Command("analytics", checkedNeeds,
		databaseFlag(), eventsFlag(), lettersFlag(),
		&cli.StringFlag{Name: "group", Value: "analytics", Usage: "also commit offsets to `GROUP`, for lag monitoring only"},
	)
}

func checkedNeeds(c *cli.Context) []preflight.Need { return needs(wantedTopics(c), c.String("group")) }

// needs are what run relies on.
func needs(topics ingest.Topics, group string) []preflight.Need {
	return []preflight.Need{
		{Kind: preflight.Topic, Name: topics.Events, Operation: sarama.AclOperationRead, Why: "read events"},
		{Kind: preflight.Topic, Name: topics.DeadLetters, Operation: sarama.AclOperationRead, Why: "read dead letters"},
		{Kind: preflight.Group, Name: group, Operation: sarama.AclOperationRead, Optional: true,
			Why: "show the consumer lag to Kafka's tools"},
	}
}
