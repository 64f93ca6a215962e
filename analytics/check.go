package main

import (
	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/ingest"
	"purchases/producer/kafka/check"
)

func checkCommand() *cli.Command {
	return check.Command("analytics", checkedNeeds,
		databaseFlag(), eventsFlag(), lettersFlag(),
		&cli.StringFlag{Name: "group", Value: "analytics", Usage: "show the stored offsets to lag tools as consumer `GROUP`"},
	)
}

func checkedNeeds(c *cli.Context) []check.Need { return needs(wantedTopics(c), c.String("group")) }

// needs are what run relies on.
func needs(topics ingest.Topics, group string) []check.Need {
	return []check.Need{
		{Kind: check.Topic, Name: topics.Events, Operation: sarama.AclOperationRead, Why: "read events"},
		{Kind: check.Topic, Name: topics.DeadLetters, Operation: sarama.AclOperationRead, Why: "read dead letters"},
		{Kind: check.Group, Name: group, Operation: sarama.AclOperationRead, Optional: true, Why: "show the consumer lag to Kafka's tools"},
	}
}
