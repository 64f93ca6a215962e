package store_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"purchases/analytics/internal/store"
)

const benchBatch = 10_000

// liveBatches returns n batches as a live stream brings them: time moves on,
// ids are random, 5,000 users and 2,000 items in 30 countries.
func liveBatches(n int) [][]store.Chunk {
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	var offset int64
	batches := make([][]store.Chunk, n)
	for i := range batches {
		list := make([]store.Record, benchBatch)
		for j := range list {
			now += int64(rng.IntN(200))
			e := store.Event{
				OccurredAt: now, ProcessedAt: now + 300, User: fmt.Sprintf("user-%d", rng.IntN(5000)),
				Item: fmt.Sprintf("item-%d", rng.IntN(2000)), ItemName: "A name of the usual length",
				OrderNumber: orderNumber((offset + int64(j)) / 3), Currency: "GBP",
				Attributes: fmt.Sprintf(`{"country":"C%d"}`, rng.IntN(30)),
				Quantity:   int64(1 + rng.IntN(10)), UnitPrice: int64(rng.IntN(5000)) * 10_000, HasPrice: true,
			}
			binary.LittleEndian.PutUint64(e.ID[:], rng.Uint64())
			binary.LittleEndian.PutUint64(e.ID[8:], rng.Uint64())
			list[j] = store.Record{Event: e}
		}
		batches[i] = []store.Chunk{chunk(events, offset, list...)}
		offset += benchBatch
	}
	return batches
}

// orderNumber is as long as a UUID and as random.
func orderNumber(n int64) string { return fmt.Sprintf("%032x", rand.NewPCG(uint64(n), 0).Uint64()) }

// BenchmarkWrite stores whole batches: events, statistics and offsets.
func BenchmarkWrite(b *testing.B) {
	db := open(b, events)
	w := newWriter(b, db)
	batches := liveBatches(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for _, batch := range batches {
		if err := w.Write(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchBatch/b.Elapsed().Seconds(), "events/s")
}
