package kafka

import (
	"fmt"

	"github.com/IBM/sarama"
)

// Identity is what tells one topic from all others of its name.
type Identity struct {
	ClusterID string
	TopicID   string // another one after the topic was deleted and recreated
}

// Identify asks for a topic's identity: metadata version 10 has it (KIP-516). A
// topic that the cluster does not have is an [ErrNoTopic].
func Identify(client sarama.Client, topic string) (Identity, error) {
	if _, err := Partitions(client, topic); err != nil {
		return Identity{}, err
	}
	broker, err := AnyBroker(client)
	if err != nil {
		return Identity{}, fmt.Errorf("identify topic %q: %w", topic, err)
	}
	response, err := broker.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: []string{topic}})
	if err != nil {
		return Identity{}, fmt.Errorf("identify topic %q: %w", topic, err)
	}
	if len(response.Topics) != 1 || response.ClusterID == nil {
		return Identity{}, fmt.Errorf("identify topic %q: the broker does not say its cluster's id", topic)
	}
	// A broker that has just started may not know the topic yet.
	found := response.Topics[0]
	if found.Err != sarama.ErrNoError {
		return Identity{}, fmt.Errorf("identify topic %q: %w", topic, found.Err)
	}
	if found.Uuid == (sarama.Uuid{}) {
		return Identity{}, fmt.Errorf("identify topic %q: the broker does not say the topic's id; Kafka 2.8 and later do",
			topic)
	}
	return Identity{*response.ClusterID, found.Uuid.String()}, nil
}
