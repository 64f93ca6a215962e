// Package ingest reads the topics of enriched events and of dead letters and
// hands what it read to the store. All partitions are assigned explicitly, from
// the offsets in the database; Kafka's consumer groups decide nothing.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/health"
	"purchases/analytics/internal/store"
	"purchases/producer/kafka"
)

const (
	readBytes = 128 << 10 // of one partition in one response, compressed
	// of a broker that has nothing new; other questions and paused partitions wait behind it
	readWait      = 100 * time.Millisecond
	discoverEvery = 2 * time.Second // how often new partitions are looked for
	firstPause    = 100 * time.Millisecond
	longestPause  = 5 * time.Second // between two attempts to read from a broker that is away
)

// Config says what to ingest.
type Config struct {
	Kafka kafka.Settings
	Topics
	// Group is the consumer group that is told of the stored offsets, so that
	// lag tools can show them. It is never read. Empty means that none is told.
	Group string
	// AcceptGaps continues where offsets have expired before they were read, or
	// where a batch is too large to be read, and records them as a gap. Without it
	// that is an error.
	AcceptGaps bool
	// KnownGap, when not nil, says whether a gap from an offset up to another one
	// was accepted before, so that a rebuild accepts it, too.
	KnownGap func(p batch.Partition, from, next int64) bool
	// Drain ends Run when everything is stored that the log held at its start.
	Drain bool
	// DrainTimeout is how long a drain waits behind an open transaction of a
	// producer before it fails with a [kafka.HeldError]. A drain with a negative
	// one leaves what stands behind such a transaction.
	DrainTimeout time.Duration
	// Until, when not nil, ends Run when every record below these offsets is
	// stored, and nothing else is: partitions that it does not name are not read.
	Until map[batch.Partition]int64
	Log   *slog.Logger
	// Stored, when not nil, is called after each transaction with what it
	// held. It must not keep the chunks.
	Stored func([]batch.Chunk)
	// Committed, when not nil, is told how long each of these transactions took.
	Committed func(time.Duration)
	// Health is told of the work. A nil one is kept to itself.
	Health *health.Health
}

// Configure sets on c what the guarantee needs: only committed records. It
// returns c.
func Configure(c *sarama.Config) *sarama.Config {
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Return.Errors = true
	c.Consumer.Fetch.Default = readBytes
	c.Consumer.MaxWaitTime = readWait
	c.Consumer.Retry.BackoffFunc = backoff
	c.Consumer.MaxProcessingTime = time.Second // a transaction may take that long
	return c
}

func backoff(retries int) time.Duration {
	return min(firstPause<<min(retries, 8), longestPause)
}

// ingester is one run.
type ingester struct {
	Config
	client       sarama.Client
	consumer     sarama.Consumer
	origins      []origin
	writer       *store.Writer
	groupOffsets *groupCommitter
	outage       *outage
	queue        *queue
	batcher      *batcher
	next         map[batch.Partition]int64  // stored so far
	targets      map[batch.Partition]int64  // where the run ends: the last record's offset
	bounds       map[batch.Partition]Bounds // of the logs when a drain began
}

// Run ingests until ctx ends, which is no error, or with Drain or Until until
// all is stored; if ctx ends before that, it returns ctx's error. It ends with [database.ErrReplaced] when a replay has
// put another
// database in the place of this one, for which Run is to be called again. Without
// Drain and Until it waits for room on a full disk. Whatever ends it, the database
// holds complete transactions only.
func Run(ctx context.Context, db *database.Database, config Config) error {
	err := runDespiteFullDisk(ctx, db, config, roomEvery)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil && !config.bounded() {
		return nil
	}
	return err
}

func run(ctx context.Context, db *database.Database, config Config, budget int) (err error) {
	client, err := config.Kafka.Connect(ctx, Configure(config.Kafka.Config()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	in := &ingester{
		Config: config, client: client, outage: newOutage(config.Log),
		queue: newQueue(budget),
		next:  map[batch.Partition]int64{}, targets: map[batch.Partition]int64{},
	}
	in.Health = cmp.Or(in.Health, new(health.Health))
	in.Health.Begin(in.queue.holds)
	if in.origins, err = bind(ctx, db, client, in.Topics); err != nil {
		return err
	}
	if in.bounded() {
		if err := in.findTargets(ctx); err != nil {
			return err
		}
	}
	return in.run(ctx, db)
}

func (in *ingester) run(ctx context.Context, db *database.Database) (err error) {
	if in.consumer, err = sarama.NewConsumerFromClient(in.client); err != nil {
		return fmt.Errorf("start a consumer: %w", err)
	}
	if in.writer, err = store.NewWriter(ctx, db.DB); err != nil {
		return errors.Join(err, in.consumer.Close())
	}
	in.batcher = newBatcher(in.queue, in.writer.NewBatch)
	if in.Group != "" {
		in.groupOffsets = startGroupCommitter(in.client, in.Group, in.Log)
	}
	err = in.work(ctx, db)
	in.groupOffsets.close()
	return errors.Join(err, in.writer.Close(), in.consumer.Close())
}

// work runs one reader for each partition, the batcher and the one writer until
// one fails, the drain is done, or ctx ends.
func (in *ingester) work(ctx context.Context, db *database.Database) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	positions, err := in.discover(ctx, db, nil)
	if err != nil {
		return err
	}
	for p, at := range positions {
		in.next[p] = at.next
	}
	complete := false
	group.Go(func() error {
		err := in.write(ctx, db, newCheckpointer(db, in.Log))
		if complete = err == nil; complete { // an error ends the others by itself, and must not come after theirs
			stop()
		}
		return err
	})
	group.Go(func() error { return in.batcher.run(ctx) })
	group.Go(func() error { return watchFile(ctx, db) })
	group.Go(func() error { return in.read(ctx, db, group, positions) })
	if err := group.Wait(); !complete || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// read starts the readers, now and whenever a topic grows a partition, and
// watches that the logs stay the same.
func (in *ingester) read(ctx context.Context, db *database.Database, group *errgroup.Group,
	positions map[batch.Partition]position) error {
	readers, failing := map[batch.Partition]*reader{}, false
	ticker := time.NewTicker(discoverEvery)
	defer ticker.Stop()
	for {
		for p, at := range positions {
			r := in.newReader(p, at)
			readers[p] = r
			group.Go(func() error { return r.run(ctx) })
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		var err error
		switch positions, err = in.refresh(ctx, db, readers); {
		case err == nil:
			in.outage.reachable()
		case errors.Is(err, ErrOtherLog):
			return err
		case !failing && ctx.Err() == nil:
			in.Log.Warn("cannot look for new partitions; retrying until it works", "cause", err)
		}
		failing = err != nil
	}
}

// watchFile fails when the path of the database leads to another file, or to
// none, also while no records come or the broker does not answer.
func watchFile(ctx context.Context, db *database.Database) error {
	ticker := time.NewTicker(discoverEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if err := db.File.Check(); err != nil {
			return err
		}
	}
}

// refresh checks the logs that are being read and returns the new ones.
func (in *ingester) refresh(ctx context.Context, db *database.Database,
	readers map[batch.Partition]*reader) (map[batch.Partition]position, error) {
	if err := in.checkOrigins(); err != nil {
		return nil, err
	}
	return in.discover(ctx, db, readers)
}

// write stores batches until a run with an end has reached it.
func (in *ingester) write(ctx context.Context, db *database.Database, wal *checkpointer) error {
	defer wal.close(ctx)
	for {
		if err := in.writeUntilDrained(ctx, db, wal); err != nil {
			return err
		}
		if err := in.settle(ctx); err != nil || in.drained() {
			return err
		}
	}
}

func (in *ingester) writeUntilDrained(ctx context.Context, db *database.Database, wal *checkpointer) error {
	for !in.drained() {
		next, err := in.batcher.next(ctx, wal, in.Health)
		if err == nil {
			err = db.File.Check()
		}
		if err == nil {
			err = CheckRoom(db)
		}
		if err != nil {
			return err
		}
		in.Health.Waiting()
		begun := time.Now()
		if err := in.writer.Store(next); err != nil {
			return err
		}
		if in.Committed != nil {
			in.Committed(time.Since(begun))
		}
		wal.afterCommit(ctx)
		in.Health.Stored()
		for _, c := range next.Chunks() {
			in.next[c.Partition] = c.Next
			in.groupOffsets.report(c.Partition, c.Next)
		}
		if in.Stored != nil {
			in.Stored(next.Chunks())
		}
		in.batcher.done(next)
	}
	return nil
}
