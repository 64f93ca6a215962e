package ingest

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/health"
	"purchases/analytics/internal/zone"
)

// sent is a chunk of n records that happened at that time.
func sent(from, n int64, at time.Time) queued {
	c := queued{Chunk: batch.Chunk{Partition: batch.Partition{Topic: "analytics"}, From: from, Next: from + n}}
	for i := range n {
		c.add(batch.Record{Offset: from + i, Event: batch.Event{
			Identity: batch.Identity{OccurredAt: at.UnixMilli(), ID: [16]byte{byte(i), byte(i >> 8)}}, User: "u", Item: "i",
			Quantity: 1,
		}})
	}
	return c
}

// fixture is a batcher that runs until the test ends, a lane to fill it, and
// what the writer asks with.
type fixture struct {
	*batcher
	lane *partitionQueue
	wal  *checkpointer
}

func startBatcher(t *testing.T, ctx context.Context) *fixture {
	q := newQueue(queueBytes)
	utc := &zone.Zone{Name: zone.UTC, Offsets: []zone.Offset{{Since: math.MinInt64}}}
	f := &fixture{newBatcher(q, func() *batch.Batch { return batch.New(utc) }), q.add(batch.Partition{}),
		newCheckpointer(&database.Database{}, slog.New(slog.DiscardHandler))}
	t.Cleanup(func() { f.wal.close(ctx) })
	go func() {
		if err := f.run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	}()
	return f
}

func (f *fixture) put(t *testing.T, c queued) {
	t.Helper()
	if err := f.lane.put(t.Context(), c, 0); err != nil {
		t.Fatal(err)
	}
}

// take returns the offsets of the next batch.
func (f *fixture) take(t *testing.T) (from, next int64) {
	t.Helper()
	b, err := f.next(t.Context(), f.wal, &health.Health{})
	if err != nil {
		t.Fatal(err)
	}
	chunks := b.Chunks()
	f.done(b)
	return chunks[0].From, chunks[len(chunks)-1].Next
}

// A batch that is not full waits for the writer, and grows meanwhile.
func TestBatchGrowsWhileTheWriterIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		f := startBatcher(t, ctx)
		for n := range int64(3) {
			f.put(t, sent(10*n, 10, time.Now()))
			time.Sleep(2 * linger)
		}
		if from, next := f.take(t); from != 0 || next != 30 {
			t.Errorf("the batch holds the offsets %d to %d, want 0 to 30", from, next)
		}
		f.put(t, sent(30, 10, time.Now()))
		began := time.Now()
		if from, next := f.take(t); from != 30 || next != 40 {
			t.Errorf("the next batch holds the offsets %d to %d, want 30 to 40", from, next)
		}
		if waited := time.Since(began); waited != linger {
			t.Errorf("it came after %v, want %v", waited, linger)
		}
	})
}

// What is enough is not kept waiting for more when there is nothing else to store.
func TestEnoughIsStoredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		f := startBatcher(t, ctx)
		f.put(t, sent(0, enough, time.Now()))
		began := time.Now()
		if from, next := f.take(t); from != 0 || next != enough || time.Since(began) > 0 {
			t.Errorf("after %v came the offsets %d to %d, want 0 to %d at once", time.Since(began), from, next, enough)
		}
	})
}

// The next batch is made while one is stored, but no more than that.
func TestOneBatchIsMadeAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		f := startBatcher(t, ctx)
		const chunks = 3 * maxBatch / chunkRecords
		for n := range int64(chunks) {
			f.put(t, sent(n*chunkRecords, chunkRecords, time.Now()))
		}
		b, err := f.next(ctx, f.wal, &health.Health{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if left := len(f.lane.chunks); left != chunks/3 {
			t.Errorf("%d chunks are queued beside the batch that is stored, want %d", left, chunks/3)
		}
		f.done(b)
		for n := range int64(2) {
			if from, next := f.take(t); from != (n+1)*maxBatch || next != (n+2)*maxBatch {
				t.Errorf("a batch holds the offsets %d to %d", from, next)
			}
		}
	})
}
