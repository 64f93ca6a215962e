package cluster

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateUnclean creates a topic of one partition with replicas on these two
// brokers of a real cluster, the first of which leads. It continues with one of
// them alone, and when that is lost, without what only that one had.
func (c *Cluster) CreateUnclean(ctx context.Context, topic string, leader, follower int) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	assignment.Replicas = []int32{nodeID(leader), nodeID(follower)}
	t.ReplicaAssignment = append(t.ReplicaAssignment, assignment)
	for name, value := range map[string]string{"unclean.leader.election.enable": "true", "min.insync.replicas": "1"} {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = name, &value
		t.Configs = append(t.Configs, config)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis, request.Topics = int32(startTime.Milliseconds()), append(request.Topics, t)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	if err := kerr.ErrorForCode(response.Topics[0].ErrorCode); err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return c.AwaitInSync(ctx)
}

// Delete deletes topics.
func (c *Cluster) Delete(ctx context.Context, topics ...string) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.TimeoutMillis = int32(startTime.Milliseconds())
	for _, name := range topics {
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = &name
		request.Topics, request.TopicNames = append(request.Topics, topic), append(request.TopicNames, name)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("delete topics %v: %w", topics, err)
	}
	for _, topic := range response.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			return fmt.Errorf("delete topic %s: %w", *topic.Topic, err)
		}
	}
	return nil
}

// Leader returns the number of the broker that leads the topic's first
// partition, -1 when none does.
func (c *Cluster) Leader(ctx context.Context, topic string) (int, error) {
	client, err := c.connect()
	if err != nil {
		return -1, err
	}
	defer client.Close()
	request := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	request.Topics = append(request.Topics, t)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return -1, fmt.Errorf("find the leader of %s/0: %w", topic, err)
	}
	for _, p := range response.Topics[0].Partitions {
		if p.Partition == 0 && p.Leader > 0 {
			return int(p.Leader) - 1, nil
		}
	}
	return -1, nil
}

// Coordinator returns the number of the broker that coordinates the consumer
// group, -1 when none does.
func (c *Cluster) Coordinator(ctx context.Context, group string) (int, error) {
	client, err := c.connect()
	if err != nil {
		return -1, err
	}
	defer client.Close()
	request := kmsg.NewPtrFindCoordinatorRequest()
	request.CoordinatorKey, request.CoordinatorKeys = group, []string{group}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return -1, fmt.Errorf("find the coordinator of group %s: %w", group, err)
	}
	for _, found := range response.Coordinators {
		return int(found.NodeID) - 1, nil
	}
	return int(response.NodeID) - 1, nil
}

// nodeID is how Kafka numbers the cluster's brokers.
func nodeID(broker int) int32 { return int32(broker) + 1 }
