// Package preflight finds out, before any work, what a program needs of a cluster
// and lacks there: topics, and the rights to use them.
//
// It changes nothing. Topics' rights are what the brokers report; other rights
// are asked for with requests that cannot have an effect, since Kafka looks at
// the right before it looks at the rest.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

// Kind is a kind of what Kafka guards.
type Kind string

// The kinds, in the spelling of kafka-acls.
const (
	Topic           Kind = "topic"
	Group           Kind = "group"
	TransactionalID Kind = "transactional-id"
	Cluster         Kind = "cluster"
)

// Need is one right that a program relies on.
type Need struct {
	Kind Kind
	// Name is the topic, group or transactional id; not for the cluster.
	Name string
	// Prefix, if not empty, is what to grant: names that begin with it.
	Prefix string
	// Operation is Read or Write, for the cluster IdempotentWrite.
	Operation sarama.AclOperation
	// Optional needs are good to have: the program works without.
	Optional bool
	// Why is what the program does with it.
	Why string
}

// String is the right in words.
func (n Need) String() string {
	if n.Kind == Cluster {
		return fmt.Sprintf("%s on the cluster", &n.Operation)
	}
	return fmt.Sprintf("%s on %s %s", &n.Operation, strings.ReplaceAll(string(n.Kind), "-", " "), n.Name)
}

// MissingError is a need that is not met.
type MissingError struct {
	Need
	// User is whom to grant it to, if known.
	User string
	// Cause is Kafka's own error.
	Cause error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("not allowed: %s (to %s); grant it with kafka-acls --add --allow-principal %s", e.Need, e.Why,
		e.grant())
}

// grant is the end of the command that grants the right.
func (e *MissingError) grant() string {
	user := e.User
	if user == "" {
		user = "PRINCIPAL"
	}
	where := fmt.Sprintf("--%s %s", e.Kind, e.Name)
	switch {
	case e.Kind == Cluster:
		where = "--cluster"
	case e.Prefix != "":
		where = fmt.Sprintf("--%s %s --resource-pattern-type prefixed", e.Kind, e.Prefix)
	}
	principal := "User:" + user
	if strings.Contains(principal, " ") {
		principal = "'" + principal + "'"
	}
	return fmt.Sprintf("%s --operation %s %s", principal, &e.Operation, where)
}

// Unwrap returns the cause.
func (e *MissingError) Unwrap() error { return e.Cause }

// attempts is how often a program asks at its start: the broker that it asks may
// go away meanwhile, and another one answers.
const attempts = 5

// Start connects and fails when a need is not met that is not optional. Its
// error names all of these.
func Start(ctx context.Context, settings kafka.Settings, needs []Need) error {
	for attempt := 1; ; attempt++ {
		client, err := settings.Connect(ctx, settings.Config())
		if err != nil {
			return err
		}
		lacks, err := Missing(client, settings.User(), needs)
		_ = client.Close()
		switch {
		case err == nil:
			return oneLine(required(lacks))
		case attempt == attempts || ctx.Err() != nil:
			return err
		}
	}
}

// required are the lacks that a program cannot work with.
func required(lacks []error) (all []error) {
	for _, err := range lacks {
		var lack *MissingError
		if !errors.As(err, &lack) || !lack.Optional {
			all = append(all, err)
		}
	}
	return all
}

// oneLine makes one line of several errors.
func oneLine(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	err := errs[0]
	for _, next := range errs[1:] {
		err = fmt.Errorf("%w; %w", err, next)
	}
	return err
}

// Missing returns a [MissingError] for each need that is not met, and an
// [kafka.ErrNoTopic] for a topic that does not exist. User is named in the
// remedy. Its own error is about a cluster that does not answer.
func Missing(client sarama.Client, user string, needs []Need) ([]error, error) {
	broker, err := kafka.AnyBroker(client)
	if err != nil {
		return nil, fmt.Errorf("ask a broker: %w", err)
	}
	lacks, err := missingTopics(broker, client.Config().Version, user, needs)
	if err != nil {
		return nil, fmt.Errorf("ask for the topics: %w", err)
	}
	for _, n := range needs {
		if n.Kind == Topic || n.Kind == Cluster && len(lacks) > 0 { // who may write to a topic needs no right on the cluster
			continue
		}
		switch denied, err := authorizationError(broker, n); {
		case err != nil:
			return nil, fmt.Errorf("ask for the right of %s: %w", n, err)
		case denied != nil:
			lacks = append(lacks, &MissingError{Need: n, User: user, Cause: denied})
		}
	}
	return lacks, nil
}

// authorizationError sends a request that needs the right and can do nothing: a heartbeat
// of no member, after the question for the group's coordinator that any reader
// must be allowed; the end of a transaction of no producer. An idempotent
// producer's id is a number that nobody will use.
func authorizationError(broker *sarama.Broker, n Need) (denied, err error) {
	code := sarama.ErrNoError
	switch n.Kind {
	case Group:
		found, err := broker.FindCoordinator(&sarama.FindCoordinatorRequest{Version: 1, CoordinatorKey: n.Name,
			CoordinatorType: sarama.CoordinatorGroup})
		if err != nil {
			return nil, err
		}
		if code = found.Err; code == sarama.ErrGroupAuthorizationFailed {
			break
		}
		answer, err := broker.Heartbeat(&sarama.HeartbeatRequest{Version: 3, GroupId: n.Name, GenerationId: -1})
		if err != nil {
			return nil, err
		}
		code = answer.Err
	case TransactionalID:
		answer, err := broker.EndTxn(&sarama.EndTxnRequest{Version: 1, TransactionalID: n.Name, ProducerID: -1,
			ProducerEpoch: -1})
		if err != nil {
			return nil, err
		}
		code = answer.Err
	case Cluster:
		answer, err := broker.InitProducerID(&sarama.InitProducerIDRequest{Version: 1})
		if err != nil {
			return nil, err
		}
		code = answer.Err
	}
	switch code {
	case sarama.ErrGroupAuthorizationFailed, sarama.ErrTransactionalIDAuthorizationFailed,
		sarama.ErrClusterAuthorizationFailed:
		return code, nil
	}
	return nil, nil
}

// noOperations is what a broker answers that does not say which are allowed.
const noOperations = -1 << 31

func missingTopics(broker *sarama.Broker, version sarama.KafkaVersion, user string, needs []Need) ([]error, error) {
	found, err := describe(broker, version, topicsOf(needs))
	if err != nil {
		return nil, err
	}
	var lacks []error
	for _, n := range needs {
		topic := found[n.Name]
		if n.Kind != Topic || topic == nil {
			continue
		}
		switch {
		case topic.Err == sarama.ErrUnknownTopicOrPartition:
			lacks = append(lacks, fmt.Errorf("topic %q: %w; `producer broker` creates it, on another cluster run `producer "+
				"topics create`", n.Name, kafka.ErrNoTopic))
		case topic.Err == sarama.ErrTopicAuthorizationFailed, !allowed(topic, n.Operation):
			lacks = append(lacks, &MissingError{Need: n, User: user, Cause: sarama.ErrTopicAuthorizationFailed})
		}
	}
	return lacks, nil
}

func topicsOf(needs []Need) (topics []string) {
	for _, n := range needs {
		if n.Kind == Topic {
			topics = append(topics, n.Name)
		}
	}
	return topics
}

func allowed(topic *sarama.TopicMetadata, operation sarama.AclOperation) bool {
	operations := topic.TopicAuthorizedOperations
	return topic.Version < 8 || operations == noOperations || operations&(1<<operation) != 0
}

// describe asks for the topics with what the user may do to them.
func describe(broker *sarama.Broker, version sarama.KafkaVersion,
	topics []string) (map[string]*sarama.TopicMetadata, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	request := sarama.NewMetadataRequest(version, topics)
	request.IncludeTopicAuthorizedOperations = true
	answer, err := broker.GetMetadata(request)
	if err != nil {
		return nil, err
	}
	found := make(map[string]*sarama.TopicMetadata, len(answer.Topics))
	for _, topic := range answer.Topics {
		found[topic.Name] = topic
	}
	return found, nil
}
