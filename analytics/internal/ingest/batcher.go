package ingest

import (
	"context"
	"time"

	"purchases/analytics/internal/store"
)

const (
	maxBatch      = 20_000                 // records in one SQLite transaction, about
	maxBatchBytes = 8 << 20                // likewise, in memory
	enough        = 4_000                  // records that are stored at once when there is nothing else to store
	linger        = 20 * time.Millisecond  // how long a batch waits for more records
	patience      = 200 * time.Millisecond // the same while the logs have more than a batch
)

// batcher fills the next batch with what is queued while the one before is
// stored. Nothing is lost with a batch that is not stored in the end: it is read
// again.
type batcher struct {
	queue  *queue
	free   chan *store.Batch
	filled chan *store.Batch
	idle   chan struct{} // sent to while the writer waits
}

func newBatcher(q *queue) *batcher {
	b := &batcher{queue: q, free: make(chan *store.Batch, 2), filled: make(chan *store.Batch), idle: make(chan struct{})}
	b.free <- store.NewBatch()
	b.free <- store.NewBatch()
	return b
}

// run fills batches until ctx ends.
func (b *batcher) run(ctx context.Context) error {
	for {
		chunks, err := b.collect(ctx)
		if err != nil {
			return err
		}
		batch := <-b.free // of two, at most one is being stored
		if err := batch.Fill(chunks); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b.filled <- batch:
		}
	}
}

// done takes a batch back that has been stored.
func (b *batcher) done(batch *store.Batch) { b.free <- batch }

// next waits for a batch.
func (b *batcher) next(ctx context.Context, wal *walKeeper) (*store.Batch, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case batch := <-b.filled:
			return batch, nil
		case b.idle <- struct{}{}:
		case <-wal.ticker.C:
			wal.look(ctx, b.queue.empty())
		}
	}
}

// collect waits for a chunk and then takes more, until the batch is full, or its
// time is up and the writer waits for it.
func (b *batcher) collect(ctx context.Context) (batch []store.Chunk, err error) {
	var deadline <-chan time.Time
	var idle chan struct{}
	late := false
	for records, bytes := 0, 0; records < maxBatch && bytes < maxBatchBytes; {
		if c, ok := b.queue.take(late); ok {
			batch = append(batch, c.Chunk)
			records += len(c.Records)
			bytes += c.bytes
			continue
		}
		if deadline == nil && (len(batch) > 0 || !b.queue.empty()) {
			deadline = time.After(b.linger())
		}
		if records >= enough || (late && len(batch) > 0) {
			idle = b.idle
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-b.queue.added:
		case <-deadline:
			if len(batch) > 0 {
				idle = b.idle
			} else {
				late = true // nobody brings an earlier one
			}
		case <-idle:
			return batch, nil
		}
	}
	return batch, nil
}

// linger is how long a batch waits to become full.
func (b *batcher) linger() time.Duration {
	if b.queue.behind() > maxBatch {
		return patience
	}
	return linger
}
