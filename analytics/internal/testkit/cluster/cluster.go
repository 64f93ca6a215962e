// Package cluster brings up Kafka for tests: the embedded broker, or a real
// Apache Kafka of three brokers on the loopback interface whose brokers can be
// killed, paused and restarted one by one, or one of a single broker that logs
// clients in, or one that runs already.
//
// It is no way to run Kafka for anything but tests: the heaps are small, and
// everyone on the machine may do everything.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/analytics/internal/testkit/process"
)

const (
	poll = 100 * time.Millisecond
	// startTime is how long a broker may take until it accepts connections: a
	// JVM on a busy machine with two cores needs its time.
	startTime = 4 * time.Minute
)

// Cluster is a Kafka cluster for the time of a test.
type Cluster struct {
	// Addresses are the brokers' host:port.
	Addresses []string
	// Brokers are the processes behind them, in the same order; none when the
	// cluster is not this package's own.
	Brokers []*Broker
	// Replicas is the number of replicas that a topic gets.
	Replicas int16
}

// Broker is one process of a cluster. Whoever ends it starts it again.
type Broker struct {
	*process.Process
	Address string
	// Inner is a second listener of a real broker. Whoever comes that way is
	// told to connect to Outer, where nobody listens until a test does.
	Inner, Outer string

	name    string
	command func() *exec.Cmd
	logFile string
	ready   string // it has said when it has its topics, too; empty when it has none of its own
}

// Embedded starts `producer broker` with its data in dir. The program is the
// path of the producer.
func Embedded(ctx context.Context, program, dir string) (*Cluster, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	c := &Cluster{Addresses: []string{address}, Replicas: 1, Brokers: []*Broker{{
		Address: address, name: "broker", logFile: filepath.Join(dir, "broker.log"), ready: "broker ready on",
		command: func() *exec.Cmd {
			return exec.Command(program, "broker", "--listen", address, "--data-dir", filepath.Join(dir, "broker"))
		},
	}}}
	return c, c.start(ctx)
}

// Named is a cluster that runs already and is left as it is, but for topics
// and groups.
func Named(bootstrap string) *Cluster {
	return &Cluster{Addresses: strings.Split(bootstrap, ","), Replicas: -1}
}

// Bootstrap is the value of KAFKA_BOOTSTRAP_SERVERS for the cluster.
func (c *Cluster) Bootstrap() string { return strings.Join(c.Addresses, ",") }

func (c *Cluster) start(ctx context.Context) error {
	for _, b := range c.Brokers {
		if err := b.start(); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	for _, b := range c.Brokers {
		if err := b.awaitListening(ctx); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	if err := c.AwaitInSync(ctx); err != nil {
		return errors.Join(err, c.Close())
	}
	return nil
}

// Close ends all brokers at once and without regard for their data.
func (c *Cluster) Close() error {
	for _, b := range c.Brokers {
		if b.Process != nil {
			b.Kill()
		}
	}
	return nil
}

// Stop ends the broker in good order with SIGTERM. A JVM then exits with 143.
func (b *Broker) Stop() error {
	err := b.Terminate()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 128+int(syscall.SIGTERM) {
		return nil
	}
	return err
}

// Start starts a broker again that has ended, with the data it left, and waits
// until it accepts connections.
func (b *Broker) Start(ctx context.Context) error {
	if err := b.start(); err != nil {
		return err
	}
	return b.awaitListening(ctx)
}

// Restart starts a broker again that was killed, not before the others have
// missed it and lead in its place. Apache Kafka 4.3.1 does not keep transactions
// whole otherwise: a broker that is back earlier coordinates on from its own
// log, and sends out commits that it had written there and nobody has a copy
// of; the coordinator after it aborts the same transactions.
func (c *Cluster) Restart(ctx context.Context, b *Broker) error {
	if err := c.awaitMissed(ctx, nodeID(slices.Index(c.Brokers, b))); err != nil {
		return err
	}
	return b.Start(ctx)
}

func (c *Cluster) awaitMissed(ctx context.Context, node int32) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		response, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
		isNode := func(b kmsg.MetadataResponseBroker) bool { return b.NodeID == node }
		if err == nil && !slices.ContainsFunc(response.Brokers, isNode) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until broker %d is missed: %w", node, ctx.Err())
		case <-time.After(poll):
		}
	}
}

func (b *Broker) start() (err error) {
	b.Process, err = process.Start(b.name, b.command(), b.logFile)
	return err
}

func (b *Broker) awaitListening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for dialer := (net.Dialer{}); ; {
		if conn, err := dialer.DialContext(ctx, "tcp", b.Address); err == nil {
			_ = conn.Close()
			if b.Says(b.ready) {
				return nil
			}
		}
		select {
		case <-b.Done():
			return fmt.Errorf("%s ended while it was starting, see %s: %w", b.name, b.logFile, b.Err())
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s, see %s: %w", b.name, b.Address, b.logFile, ctx.Err())
		case <-time.After(poll):
		}
	}
}

// Create creates topics with so many partitions each.
func (c *Cluster) Create(ctx context.Context, partitions int32, topics ...string) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = int32(startTime.Milliseconds())
	for _, name := range topics {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, c.Replicas
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, topic := range response.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			return fmt.Errorf("create topic %s: %w", topic.Topic, err)
		}
	}
	for _, broker := range client.SeedBrokers() {
		if err := awaitKnown(ctx, broker, topics); err != nil {
			return err
		}
	}
	return c.AwaitInSync(ctx)
}

// awaitKnown waits until the broker has heard of the topics, which others may
// have before it.
func awaitKnown(ctx context.Context, broker *kgo.Broker, topics []string) error {
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		request.Topics = append(request.Topics, topic)
	}
	for {
		response, err := request.RequestWith(ctx, broker)
		if err != nil {
			return fmt.Errorf("look for new topics: %w", err)
		}
		unknown := slices.ContainsFunc(response.Topics, func(t kmsg.MetadataResponseTopic) bool { return t.ErrorCode != 0 })
		if !unknown {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until a broker knows new topics: %w", ctx.Err())
		case <-time.After(poll):
		}
	}
}

// AwaitInSync waits until all brokers are there and every partition has a
// leader and all its replicas in sync, so that one of them may be lost.
func (c *Cluster) AwaitInSync(ctx context.Context) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		reason := c.outOfSync(ctx, client)
		if reason == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the cluster is in sync: %w: %s", ctx.Err(), reason)
		case <-time.After(poll):
		}
	}
}

// outOfSync says what is missing, if anything.
func (c *Cluster) outOfSync(ctx context.Context, client *kgo.Client) string {
	response, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil {
		return err.Error()
	}
	if len(response.Brokers) < len(c.Brokers) {
		return fmt.Sprintf("%d of %d brokers are there", len(response.Brokers), len(c.Brokers))
	}
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
				return fmt.Sprintf("%s/%d has leader %d and replicas %v, in sync %v", *topic.Topic, p.Partition, p.Leader,
					p.Replicas, p.ISR)
			}
		}
	}
	return ""
}

func (c *Cluster) connect() (*kgo.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addresses...), kgo.MetadataMinAge(poll))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Bootstrap(), err)
	}
	return client, nil
}

// Grow adds partitions to topics until they have so many.
func (c *Cluster) Grow(ctx context.Context, partitions int32, topics ...string) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	request := kmsg.NewPtrCreatePartitionsRequest()
	request.TimeoutMillis = int32(startTime.Milliseconds())
	for _, name := range topics {
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = name, partitions
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("add partitions: %w", err)
	}
	for _, topic := range response.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			return fmt.Errorf("add partitions to topic %s: %w", topic.Topic, err)
		}
	}
	return c.AwaitInSync(ctx)
}
