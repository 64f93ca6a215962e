// Package pipeline moves purchases from the input topic to the two output
// topics, each exactly once, as one member of a consumer group.
//
// A session is the time between two rebalances. It begins by opening one
// transactional producer for each assigned partition, which fences the process that
// owned the partition before, and only then reads the committed offsets: in
// this order no late commit can be missed. It ends with the first thing that
// goes wrong, and the next one starts from the committed offsets again. That
// is the only way back from an error, so nothing is replayed on a guess.
//
// What an event must look like is not decided here; see package transform.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"purchases/processor/internal/deserialize"
	"purchases/processor/internal/transaction"
	"purchases/processor/internal/transform"
	"purchases/producer/kafka"
	"purchases/producer/registry"
)

// Settings of a run. Zero values are allowed only where it says so.
type Settings struct {
	Kafka kafka.Settings
	// Group is the consumer group that owns the progress.
	Group string
	// Frame begins the value of each event on Output: that of its schema in a
	// registry. Nil is for plain JSON.
	Frame []byte
	// Input, Output and DeadLetters name topics, which must exist.
	Input, Output, DeadLetters string
	// Instance is the identity that this process keeps over restarts
	// (group.instance.id). A process that was killed comes back under it
	// without a rebalance and without waiting for its old session to expire.
	// No two living members of a group may share it. Empty means none.
	Instance string
	// Linger is how long a batch waits for more messages after its first, at
	// most: it waits no longer when the partition has nothing more.
	Linger time.Duration
	// BatchSize is the most messages in one transaction, at least 1.
	BatchSize int
	// Drain ends the run when the group has processed all that the input held
	// at the start.
	Drain bool
	// Fresh refuses outputs that hold records, if the group has not committed
	// anything yet: the results would be there twice.
	Fresh bool
	// AcceptGaps continues where offsets have expired before they were processed,
	// and records them in a dead letter. Without it that is an error.
	AcceptGaps bool
	// DrainTimeout is how long a drain waits behind another producer's open
	// transaction once all else is processed. Then it fails.
	DrainTimeout time.Duration
	// Metrics and Health are told of the work. Nil ones are kept to itself.
	Metrics *Metrics
	Health  *Health
	// Log gets what a person running this should know.
	Log *slog.Logger
}

// Totals counts the messages whose transactions this process has committed.
type Totals struct {
	Events, DeadLetters int64
}

// batchTransform returns one output message for each input message of the topic
// with the id, and how many of them are dead letters. It ends before a message whose
// schema has to be fetched.
type batchTransform func(topicID string, in []*sarama.ConsumerMessage, now time.Time) (out []*sarama.ProducerMessage,
	letters int)

type pipeline struct {
	Settings
	client    sarama.Client // for questions about the log and the group
	admin     sarama.ClusterAdmin
	transform batchTransform
	schemas   *deserialize.Decoders // that transform uses, nil without a registry
	health    health
	progress  progress
	current   *session // only the goroutine of sarama's Consume replaces it

	events, deadLetters atomic.Int64
}

// Run processes until ctx is cancelled, which is not an error, or until the
// input is drained when that is asked for; a drain that is interrupted returns
// ctx's error. A broker that goes away is waited for. Run fails when the start
// does, and when going on would lose or double something.
func Run(ctx context.Context, s Settings) (Totals, error) {
	schemas, err := s.schemas()
	if err != nil {
		return Totals{}, err
	}
	t := transformer(s)
	t.Schemas = schemas
	p := newPipeline(s, t.Batch)
	p.schemas = schemas
	err = p.run(ctx)
	return Totals{Events: p.events.Load(), DeadLetters: p.deadLetters.Load()}, err
}

// schemas returns the decoders of values in the frame of a schema registry, nil
// without one.
func (s Settings) schemas() (*deserialize.Decoders, error) {
	if len(s.Kafka.Registry.URLs) == 0 {
		return nil, nil
	}
	client, err := registry.Open(s.Kafka.Registry)
	return &deserialize.Decoders{Registry: client, UnknownAfter: deserialize.DefaultUnknownAfter, Log: s.Log}, err
}

func transformer(s Settings) *transform.Transformer {
	return &transform.Transformer{Events: s.Output, DeadLetters: s.DeadLetters, MaxMessage: transaction.MaxMessage,
		Frame: s.Frame}
}

func newPipeline(s Settings, transform batchTransform) *pipeline {
	if s.Metrics == nil {
		s.Metrics = NewMetrics(nil)
	}
	if s.Health == nil {
		s.Health = new(Health)
	}
	return &pipeline{Settings: s, transform: transform, health: health{log: s.Log}}
}

func (p *pipeline) run(ctx context.Context) error {
	if err := p.connect(ctx); err != nil {
		return err
	}
	defer p.admin.Close()
	if err := p.checkFresh(); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if p.Drain {
		left, err := p.newDraining()
		if err != nil {
			return err
		}
		go left.stopWhenDone(ctx, stop)
	}
	err := p.consume(ctx)
	switch cause := context.Cause(ctx); {
	case err != nil:
		return err
	case p.Drain && !errors.Is(cause, errDrained):
		return cause
	}
	return nil
}

// connect opens the client and names a topic that is missing.
func (p *pipeline) connect(ctx context.Context) error {
	var err error
	if p.client, err = p.Kafka.Connect(ctx, p.Kafka.Config()); err != nil {
		return err
	}
	if p.admin, err = sarama.NewClusterAdminFromClient(p.client); err != nil {
		return errors.Join(fmt.Errorf("open the admin client: %w", err), p.client.Close())
	}
	for _, topic := range []string{p.Input, p.Output, p.DeadLetters} {
		if _, err := kafka.Partitions(p.client, topic); err != nil {
			return errors.Join(err, p.admin.Close())
		}
	}
	return nil
}
