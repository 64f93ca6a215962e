package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
	"purchases/producer/registry"
)

const (
	clusterDefault = -1 // Kafka's number for its own default (KIP-464)
	maxPartitions  = 1000
	propagation    = 10 * time.Second // from the controller to all brokers; takes a moment
)

func topicsCommand() *cli.Command {
	return &cli.Command{
		Name:  "topics",
		Usage: "create the topics of the pipeline",
		Subcommands: []*cli.Command{{
			Name:      "create",
			Usage:     "create the three topics, or others by name",
			ArgsUsage: "[TOPIC...]",
			Description: `Creates purchases, analytics and purchases.dlq, or the named topics, if they are
missing, and shows all of them. Existing topics are not changed.

Examples:
   producer topics create --partitions 12 --replication-factor 3 --kafka-config client.properties
   producer topics create analytics.v2 purchases.dlq.v2`,
			Flags: append(append(kafka.Flags(), valueFormatFlags()[:2]...),
				&cli.IntFlag{Name: "partitions", Usage: "create topics with `N` partitions", DefaultText: "the cluster's",
					Value: clusterDefault},
				&cli.IntFlag{Name: "replication-factor", Usage: "create `N` replicas of each partition",
					DefaultText: "the cluster's", Value: clusterDefault},
			),
			Action: createTopics,
		}},
	}
}

func createTopics(c *cli.Context) error {
	detail, err := topicDetail(c)
	if err != nil {
		return err
	}
	settings, err := kafka.FromFlags(c)
	if err != nil {
		return err
	}
	client, err := settings.Connect(c.Context, settings.Config())
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	defer func() { _ = admin.Close() }()
	names := topics()
	if c.Args().Present() {
		names = c.Args().Slice()
	}
	for _, topic := range names {
		what, err := createTopic(admin, settings.User(), topic, detail)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.App.ErrWriter, "%s: topic %s %s\n", c.App.Name, topic, what)
	}
	if err := registerSchema(c, settings, names[0]); err != nil {
		return err
	}
	return showTopics(c, settings, names)
}

// registerSchema registers our schema of the format that is asked for, for the
// values of the topic.
func registerSchema(c *cli.Context, settings kafka.Settings, topic string) error {
	format, framed, err := valueFormat(c)
	if err != nil || !framed {
		return err
	}
	client, err := openRegistry(settings)
	if err != nil {
		return err
	}
	id, err := client.Register(c.Context, subject(c, topic), registry.Ours(format))
	if err == nil {
		fmt.Fprintf(c.App.ErrWriter, "%s: subject %s has our schema %d\n", c.App.Name, subject(c, topic), id)
	}
	return err
}

func topicDetail(c *cli.Context) (sarama.TopicDetail, error) {
	partitions, replicas := c.Int("partitions"), c.Int("replication-factor")
	switch {
	case c.IsSet("partitions") && (partitions < 1 || partitions > maxPartitions):
		return sarama.TopicDetail{}, cmdline.Usagef("--partitions %d: want 1 to %d", partitions, maxPartitions)
	case c.IsSet("replication-factor") && (replicas < 1 || replicas > 100):
		return sarama.TopicDetail{}, cmdline.Usagef("--replication-factor %d: want 1 to the number of brokers", replicas)
	}
	return sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: int16(replicas)}, nil
}

// createTopic says whether the topic was created or was there.
func createTopic(admin sarama.ClusterAdmin, user, topic string, detail sarama.TopicDetail) (string, error) {
	err := admin.CreateTopic(topic, &detail, false)
	switch {
	case err == nil:
		return "created", nil
	case errors.Is(err, sarama.ErrTopicAlreadyExists):
		return "exists already", nil
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed), errors.Is(err, sarama.ErrClusterAuthorizationFailed):
		need := preflight.Need{Kind: preflight.Topic, Name: topic, Operation: sarama.AclOperationCreate, Why: "create it"}
		return "", fmt.Errorf("%w, or ask an administrator to create it",
			&preflight.MissingError{Need: need, User: user, Cause: err})
	case errors.Is(err, sarama.ErrInvalidReplicationFactor):
		return "", fmt.Errorf("create topic %q: %w; there are fewer brokers than --replication-factor", topic, err)
	}
	return "", fmt.Errorf("create topic %q: %w", topic, err)
}

// showTopics asks on a new connection, as a program that starts now would. It
// waits until the brokers have heard of all topics.
func showTopics(c *cli.Context, settings kafka.Settings, names []string) error {
	var needs []preflight.Need
	for _, topic := range names {
		needs = append(needs, preflight.Need{Kind: preflight.Topic, Name: topic, Operation: sarama.AclOperationDescribe,
			Why: "show it"})
	}
	report, err := preflight.Inspect(c.Context, settings, needs)
	for deadline := time.Now().Add(propagation); err == nil && lacksTopic(report) && time.Now().Before(deadline); {
		time.Sleep(propagation / 50)
		report, err = preflight.Inspect(c.Context, settings, needs)
	}
	if err != nil {
		return err
	}
	if err := preflight.WriteTopics(c.App.Writer, report.Topics); err != nil {
		return err
	}
	for _, note := range append(report.Notes, report.Problems...) {
		fmt.Fprintf(c.App.ErrWriter, "%s: %v\n", c.App.Name, note)
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("%d problems with the topics, listed above", n)
	}
	return nil
}

func lacksTopic(report *preflight.Report) bool {
	return slices.ContainsFunc(report.Problems, func(err error) bool { return errors.Is(err, kafka.ErrNoTopic) })
}
