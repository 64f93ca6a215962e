package ingest

import (
	"context"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/health"
	"purchases/analytics/internal/store"
)

const (
	maxBatch        = 20_000                 // records in one SQLite transaction, about
	maxBatchBytes   = 8 << 20                // likewise, in memory
	enough          = 4_000                  // records that are stored at once when there is nothing else to store
	linger          = 20 * time.Millisecond  // how long a batch waits for more records
	fullBatchLinger = 200 * time.Millisecond // the same while the logs have more than a batch
)

// batcher fills the next batch with what is queued while the one before is
// stored. Nothing is lost with a batch that is not stored in the end: it is read
// again.
type batcher struct {
	queue  *queue
	free   chan *batch.Batch
	filled chan *batch.Batch
	idle   chan struct{} // sent to while the writer waits
}

// newBatcher makes batches with the function.
func newBatcher(q *queue, newBatch func() *batch.Batch) *batcher {
	b := &batcher{queue: q, free: make(chan *batch.Batch, 2), filled: make(chan *batch.Batch), idle: make(chan struct{})}
	b.free <- newBatch()
	b.free <- newBatch()
	return b
}

// run fills batches until ctx ends.
func (b *batcher) run(ctx context.Context) error {
	for {
		chunks, err := b.collect(ctx)
		if err != nil {
			return err
		}
		next := <-b.free // of two, at most one is being stored
		if err := next.Fill(chunks, nil); err != nil {
			return err
		}
		store.Prepare(next)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b.filled <- next:
		}
	}
}

// done takes a batch back that has been stored.
func (b *batcher) done(stored *batch.Batch) { b.free <- stored }

// next waits for a batch.
func (b *batcher) next(ctx context.Context, wal *checkpointer, at *health.Health) (*batch.Batch, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case next := <-b.filled:
			return next, nil
		case b.idle <- struct{}{}:
		case <-wal.ticker.C:
			idle := b.queue.empty()
			if idle {
				at.Idle()
			} else {
				at.Waiting()
			}
			wal.tick(ctx, idle)
		}
	}
}

// collect waits for a chunk and then takes more, until the batch is full, or its
// time is up and the writer waits for it.
func (b *batcher) collect(ctx context.Context) (chunks []batch.Chunk, err error) {
	var deadline <-chan time.Time
	var idle chan struct{}
	late := false
	for records, bytes := 0, 0; records < maxBatch && bytes < maxBatchBytes; {
		if c, ok := b.queue.take(late); ok {
			chunks = append(chunks, c.Chunk)
			records += len(c.Records)
			bytes += c.bytes
			continue
		}
		if deadline == nil && (len(chunks) > 0 || !b.queue.empty()) {
			deadline = time.After(b.linger())
		}
		if records >= enough || (late && len(chunks) > 0) {
			idle = b.idle
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-b.queue.added:
		case <-deadline:
			if len(chunks) > 0 {
				idle = b.idle
			} else {
				late = true // nobody brings an earlier one
			}
		case <-idle:
			return chunks, nil
		}
	}
	return chunks, nil
}

// linger is how long a batch waits to become full.
func (b *batcher) linger() time.Duration {
	if b.queue.backlog() > maxBatch {
		return fullBatchLinger
	}
	return linger
}
