package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/IBM/sarama"
)

// ErrNoTopic is the error of a topic that the cluster does not have.
var ErrNoTopic = errors.New("topic does not exist")

// Connect opens a client with the configuration, which comes from
// [Settings.Config]. It first asks each broker once, whatever the configuration
// says of retries; the error then names the address and what to do.
func (s Settings) Connect(ctx context.Context, config *sarama.Config) (sarama.Client, error) {
	once := *config
	once.Metadata.Retry.Max = 0
	probe, err := sarama.NewClient(s.bootstrap(), &once)
	if err != nil {
		return nil, s.connectError(s.diagnose(ctx, err))
	}
	_ = probe.Close()
	client, err := sarama.NewClient(s.bootstrap(), config)
	if err != nil {
		return nil, s.connectError(err)
	}
	return client, nil
}

func (s Settings) connectError(cause error) error {
	return fmt.Errorf("connect to Kafka at %s: %w", strings.Join(s.bootstrap(), ","), cause)
}

// diagnose replaces sarama's summary of a failed connection by its cause.
func (s Settings) diagnose(ctx context.Context, err error) error {
	dialer := net.Dialer{Timeout: dialTimeout}
	for _, address := range s.bootstrap() {
		conn, dialErr := dialer.DialContext(ctx, "tcp", address)
		if dialErr == nil {
			_ = conn.Close()
			return fmt.Errorf("something listens there, but it does not answer as a Kafka broker without TLS and SASL: %w", err)
		}
		err = dialErr
	}
	return fmt.Errorf("%w; start one with `producer broker`, or name yours with --bootstrap-servers", err)
}

// Partitions returns the partitions of a topic, in ascending order. A topic
// that the cluster does not have is an [ErrNoTopic].
func Partitions(client sarama.Client, topic string) ([]int32, error) {
	partitions, err := client.Partitions(topic)
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return nil, fmt.Errorf("topic %q: %w; `producer broker` creates it, on another cluster create it with Kafka's own tools", topic, ErrNoTopic)
	}
	if err != nil {
		return nil, fmt.Errorf("list the partitions of topic %q: %w", topic, err)
	}
	return partitions, nil
}
