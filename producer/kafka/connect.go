package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// ErrNoTopic is the error of a topic that the cluster does not have.
var ErrNoTopic = errors.New("topic does not exist")

// Connect opens a client with the configuration, which comes from
// [Settings.Config]. It first asks the brokers once, all at the same time and
// whatever the configuration says of retries; where none answers, the error
// names the cause within five seconds, and what to do. When ctx ends, they have
// half a second left: a program that is told to stop may still need a connection
// to put things in order.
func (s Settings) Connect(ctx context.Context, config *sarama.Config) (sarama.Client, error) {
	if err := s.preflight(ctx); err != nil {
		return nil, err
	}
	client, err := sarama.NewClient(s.bootstrap(), config)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka at %s: %w", strings.Join(s.bootstrap(), ","), err)
	}
	return client, nil
}

// preflight succeeds as soon as one broker lets the program in.
func (s Settings) preflight(ctx context.Context) error {
	talk, cancel := context.WithTimeout(context.WithoutCancel(ctx), preflightTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })()
	addresses := s.bootstrap()
	type result struct {
		index int
		err   error
	}
	results := make(chan result, len(addresses))
	for i, address := range addresses {
		go func() { results <- result{i, s.probe(talk, address)} }()
	}
	failures := make([]error, len(addresses))
	for range addresses {
		select {
		case r := <-results:
			if r.err == nil {
				return nil
			}
			failures[r.index] = r.err
		case <-talk.Done():
			return s.summary(ctx, failures)
		}
	}
	return s.summary(ctx, failures)
}

// summary is one line about all the brokers that did not answer, in their
// order. The same cause is given once.
func (s Settings) summary(ctx context.Context, failures []error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("connect to Kafka at %s: %w", strings.Join(s.bootstrap(), ","), context.Canceled)
	}
	var causes []error
	var at [][]string
	for i, err := range failures {
		if err == nil {
			err = fmt.Errorf("no answer within %s", preflightTimeout)
		}
		if n := len(causes); n > 0 && causes[n-1].Error() == err.Error() {
			at[n-1] = append(at[n-1], s.bootstrap()[i])
			continue
		}
		causes, at = append(causes, err), append(at, []string{s.bootstrap()[i]})
	}
	err := fmt.Errorf("connect to Kafka at %s: %w", strings.Join(at[0], ","), causes[0])
	for i := range causes[1:] {
		err = fmt.Errorf("%w; at %s: %w", err, strings.Join(at[i+1], ","), causes[i+1])
	}
	return err
}

// AnyBroker returns a broker that accepts a connection. The one that sarama would
// choose may be gone: it stays in the cluster's list for some seconds.
func AnyBroker(client sarama.Client) (*sarama.Broker, error) {
	var err error = sarama.ErrBrokerNotAvailable
	for _, broker := range client.Brokers() {
		_ = broker.Open(client.Config()) // fails where that was done before
		connected, cause := broker.Connected()
		if connected {
			return broker, nil
		}
		if cause != nil {
			err = cause
		}
	}
	return nil, err
}

// Partitions returns the partitions of a topic, in ascending order. A topic
// that the cluster does not have is an [ErrNoTopic].
func Partitions(client sarama.Client, topic string) ([]int32, error) {
	partitions, err := client.Partitions(topic)
	switch {
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return nil, fmt.Errorf("topic %q: %w; `producer broker` creates it, on another cluster run `producer topics create`",
			topic, ErrNoTopic)
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed):
		return nil, fmt.Errorf("topic %q: %w; the command check lists the missing ACLs", topic, err)
	case err != nil:
		return nil, fmt.Errorf("list the partitions of topic %q: %w", topic, err)
	}
	return partitions, nil
}

// Ping connects to a broker, logs in and disconnects. Its error is that of
// [Settings.Connect].
func (s Settings) Ping(ctx context.Context) error { return s.preflight(ctx) }
