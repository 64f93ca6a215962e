// Package broker runs a Kafka broker inside the process, with its data in a
// directory: franz-go's kfake. It serves programs on the same machine, and
// tests; it has no replicas, no authentication and no retention, and it does
// not take the place of a cluster in production.
//
// A write is in the hands of the operating system before it is acknowledged,
// as with Kafka's own defaults: it survives the end of the process at any
// moment, but the last of it may not survive a power cut. A write that fails
// ends the broker before it answers, and the next start mends what is torn.
package broker

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/producer/cmdline"
	"purchases/producer/kafka"
)

const (
	lockFile = "broker.lock"
	// keepOffsets is how long a group that is away keeps its offsets, in
	// minutes: ten years. Kafka's week would make a processor that paused for
	// longer begin again.
	keepOffsets = "5256000"
)

// Config says where a broker listens and what it keeps.
type Config struct {
	// Listen is host:port on the loopback interface; port 0 is any free one.
	Listen string
	// DataDir holds the log; it is created if missing. Required.
	DataDir string
	// Topics are created with Partitions partitions unless they exist.
	Topics     []string
	Partitions int32
	// Log receives what goes wrong inside the broker. Required.
	Log *slog.Logger
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	address string
	lock    *flock.Flock
	watch   *watch
}

// Start runs a broker until Close. It fails when another one has the data
// directory or the address.
func Start(ctx context.Context, c Config) (*Broker, error) {
	lock, err := lockDir(c.DataDir)
	if err != nil {
		return nil, err
	}
	b := &Broker{lock: lock, watch: newWatch(c.Log)}
	if err := b.start(c); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	create := func() error { return b.createTopics(ctx, c.Topics, c.Partitions) }
	if err := b.watch.orFailure(create); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Broker) start(c Config) error {
	listener, err := listen(c.Listen)
	if err != nil {
		return err
	}
	b.address = listener.Addr().String()
	if err = mend(c.DataDir, c.Log); err == nil {
		err = b.watch.orFailure(func() error { return b.open(c, listener) })
	}
	if err != nil {
		_ = listener.Close()
	}
	return err
}

func (b *Broker) open(c Config, listener net.Listener) (err error) {
	b.cluster, err = kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return listener, nil }),
		kfake.DataDir(c.DataDir),
		kfake.ClusterID(newClusterID()), // a directory that has one keeps it
		kfake.BrokerConfigs(map[string]string{"offsets.retention.minutes": keepOffsets}),
		kfake.WithLogger(b.watch),
	)
	if err != nil {
		return fmt.Errorf("open the broker's data in %s: %w", c.DataDir, err)
	}
	return nil
}

// Addr is the broker's host:port.
func (b *Broker) Addr() string { return b.address }

// Wait waits for the end of ctx, which is no error, or for a write to the data
// directory that fails: the broker then answers nobody any more, and the process
// is to end.
func (b *Broker) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-b.watch.failed:
		return b.watch.err
	}
}

// Close flushes everything to the data directory and releases it. After a failed
// write there is nothing to flush: what was acknowledged is there.
func (b *Broker) Close() error {
	select {
	case <-b.watch.failed:
		return b.lock.Close()
	default:
	}
	err := b.watch.orFailure(func() error { b.cluster.Close(); return nil })
	if err != nil {
		err = fmt.Errorf("stop, without the offsets that were committed meanwhile: %w", err)
	}
	return errors.Join(err, b.lock.Close())
}

func (b *Broker) createTopics(ctx context.Context, topics []string, partitions int32) error {
	settings := kafka.Settings{Bootstrap: []string{b.address}}
	client, err := settings.Connect(ctx, settings.Config())
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	defer func() { _ = admin.Close() }()
	for _, topic := range topics {
		err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
		if err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
			return fmt.Errorf("create topic %q with %d partitions: %w", topic, partitions, err)
		}
	}
	return nil
}

// newClusterID is 16 random bytes in Kafka's spelling.
func newClusterID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return base64.RawURLEncoding.EncodeToString(id)
}

func listen(address string) (net.Listener, error) {
	listener, err := cmdline.Listen(context.Background(), address, "listen")
	if err != nil {
		return nil, err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		_ = listener.Close()
		return nil, fmt.Errorf("listen on %s: the broker has no authentication and listens on a loopback address only, "+
			"such as 127.0.0.1:9092", address)
	}
	return listener, nil
}

// lockDir makes the directory and takes its lock, which the operating system
// releases with the process. The lock file says who holds it.
func lockDir(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the broker's data directory: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	lock := flock.New(path)
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the broker's data directory %s: %w", dir, err)
	}
	if !locked {
		holder, _ := os.ReadFile(path)
		return nil, fmt.Errorf("lock the broker's data directory %s: process %s has it; stop that broker, or choose "+
			"another directory with --data-dir",
			dir, strings.TrimSpace(string(holder)))
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write the broker's lock file: %w", err), lock.Close())
	}
	return lock, nil
}
