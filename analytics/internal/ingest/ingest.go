// Package ingest reads the topics of enriched events and of dead letters and
// hands what it read to the store. All partitions are assigned explicitly, from
// the offsets in the database; Kafka's consumer groups decide nothing.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/store"
	"purchases/producer/kafka"
)

const (
	maxBatch      = 20_000                // records in one SQLite transaction, about
	linger        = 20 * time.Millisecond // how long a batch waits for more records
	queuedChunks  = 16                    // that are decoded while the writer is busy
	discoverEvery = 2 * time.Second       // how often new partitions are looked for
)

// Config says what to ingest.
type Config struct {
	Kafka kafka.Settings
	// Events and DeadLetters are the names of the topics.
	Events, DeadLetters string
	// Group is the consumer group that is told of the stored offsets, so that
	// lag tools can show them. It is never read.
	Group string
	// Drain ends Run when everything is stored that the log held at its start.
	Drain bool
	Log   *slog.Logger
	// Stored, when not nil, is called after each transaction with the number
	// of records that it held.
	Stored func(records int)
}

// Configure sets on c what the guarantee needs: only committed records. It
// returns c.
func Configure(c *sarama.Config) *sarama.Config {
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Return.Errors = true
	c.Consumer.Retry.BackoffFunc = backoff
	c.Consumer.MaxProcessingTime = time.Second // a transaction may take that long
	return c
}

func backoff(retries int) time.Duration {
	return min(100*time.Millisecond<<min(retries, 8), 5*time.Second)
}

// ingester is one run.
type ingester struct {
	Config
	client   sarama.Client
	consumer sarama.Consumer
	writer   *store.Writer
	lag      *lagReporter
	chunks   chan store.Chunk
	next     map[store.Partition]int64 // stored so far
	targets  map[store.Partition]int64 // where a drain ends: the last record's offset
}

// Run ingests until ctx ends, which is no error, or with Drain until all is
// stored. Whatever ends it, the database holds complete transactions only.
func Run(ctx context.Context, db *database.Database, config Config) (err error) {
	client, err := config.Kafka.Connect(ctx, Configure(config.Kafka.Config()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	in := &ingester{
		Config: config, client: client,
		chunks: make(chan store.Chunk, queuedChunks),
		next:   map[store.Partition]int64{}, targets: map[store.Partition]int64{},
	}
	if err := bind(ctx, db, client, in.topics()); err != nil {
		return err
	}
	if config.Drain {
		if err := in.findTargets(); err != nil {
			return err
		}
	}
	return in.run(ctx, db)
}

func (in *ingester) topics() []string { return []string{in.Events, in.DeadLetters} }

func (in *ingester) findTargets() error {
	for _, topic := range in.topics() {
		last, err := kafka.LastRecords(in.client, topic)
		if err != nil {
			return err
		}
		for p, offset := range last {
			in.targets[store.Partition{Topic: topic, Partition: p}] = offset
		}
	}
	return nil
}

func (in *ingester) run(ctx context.Context, db *database.Database) (err error) {
	if in.consumer, err = sarama.NewConsumerFromClient(in.client); err != nil {
		return fmt.Errorf("start a consumer: %w", err)
	}
	if in.writer, err = store.NewWriter(ctx, db.DB); err != nil {
		return errors.Join(err, in.consumer.Close())
	}
	in.lag = startLagReporter(in.client, in.Group, in.Log)
	err = in.work(ctx, db)
	in.lag.close()
	return errors.Join(err, in.writer.Close(), in.consumer.Close())
}

// work runs one reader for each partition and the one writer until one fails,
// the drain is done, or ctx ends.
func (in *ingester) work(ctx context.Context, db *database.Database) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	positions, err := in.discover(ctx, db, nil)
	if err != nil {
		return err
	}
	for p, offset := range positions {
		in.next[p] = offset
	}
	group.Go(func() error {
		defer stop()
		return in.write(ctx)
	})
	group.Go(func() error { return in.read(ctx, db, group, positions) })
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// read starts the readers, now and whenever a topic grows a partition.
func (in *ingester) read(ctx context.Context, db *database.Database, group *errgroup.Group, positions map[store.Partition]int64) error {
	known := map[store.Partition]bool{}
	ticker := time.NewTicker(discoverEvery)
	defer ticker.Stop()
	for {
		for p, offset := range positions {
			known[p] = true
			r, err := in.newReader(ctx, p, offset)
			if err != nil {
				return err
			}
			group.Go(func() error { return r.run(ctx, in.chunks) })
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		var err error
		if positions, err = in.discover(ctx, db, known); err != nil {
			in.Log.Warn("cannot look for new partitions, trying again", "cause", err)
		}
	}
}

// write collects chunks into batches and stores them.
func (in *ingester) write(ctx context.Context) error {
	for !in.drained() {
		batch, err := in.collect(ctx)
		if err != nil {
			return err
		}
		if err := in.writer.Write(batch); err != nil {
			return err
		}
		records := 0
		for _, c := range batch {
			in.next[c.Partition] = c.Next
			in.lag.report(c.Partition, c.Next)
			records += len(c.Records)
		}
		if in.Stored != nil {
			in.Stored(records)
		}
	}
	return nil
}

// collect waits for a chunk and then takes more, until the batch is full or
// its time is up.
func (in *ingester) collect(ctx context.Context) (batch []store.Chunk, err error) {
	var deadline <-chan time.Time
	for records := 0; records < maxBatch; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case c := <-in.chunks:
			batch = append(batch, c)
			records += len(c.Records)
			if deadline == nil {
				deadline = time.After(linger)
			}
		case <-deadline:
			return batch, nil
		}
	}
	return batch, nil
}

// drained says whether every record is stored that the drain is to reach. It
// compares with records and not with the logs' ends: see [kafka.LastRecords].
func (in *ingester) drained() bool {
	for p, last := range in.targets {
		if in.next[p] <= last {
			return false
		}
	}
	return in.Drain
}
