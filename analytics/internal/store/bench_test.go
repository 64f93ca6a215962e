package store_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/testkit/clock"
	"purchases/analytics/internal/testkit/limit"
	"purchases/analytics/internal/testkit/shop"
)

var grow = flag.Int("grow", 2_000_000, "how many events BenchmarkGrowth stores")

const benchBatch = 20_000

// logs is how many partitions the topic has. All events of a user are in one.
const logs = 8

// live makes batches as a topic brings them: ten million events in thirty days.
type live struct {
	*shop.Shop
	next [logs]int64
}

func newLive(p shop.Population) *live {
	return &live{Shop: shop.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 10_000_000/30, p)}
}

func (l *live) batch() []batch.Chunk {
	chunks := make([]batch.Chunk, logs)
	for p := range chunks {
		chunks[p] = batch.Chunk{Partition: batch.Partition{Topic: "analytics", Partition: int32(p)}, From: l.next[p]}
	}
	for range benchBatch {
		e := l.Event()
		p := e.User[len(e.User)-1] % logs
		e.Source = batch.Source{Topic: "purchases", Partition: int32(p), Offset: l.next[p]}
		chunks[p].Records = append(chunks[p].Records, batch.Record{Offset: l.next[p], Event: e})
		l.next[p]++
		chunks[p].Next = l.next[p]
	}
	return slices.DeleteFunc(chunks, func(c batch.Chunk) bool { return len(c.Records) == 0 })
}

// partitions are the rows of an empty database's partitions.
func partitions() (list []batch.Partition) {
	for p := range int32(logs) {
		list = append(list, batch.Partition{Topic: "analytics", Partition: p})
	}
	return list
}

// populations are those of `producer generate`, and of shops in which nearly
// every order is of another user.
var populations = []shop.Population{{Users: 1000, Items: 500}, {Users: 100_000, Items: 10_000},
	{Users: 10_000_000, Items: 100_000}}

func eachPopulation(b *testing.B, run func(*testing.B, shop.Population)) {
	for _, p := range populations {
		b.Run(fmt.Sprintf("users=%d", p.Users), func(b *testing.B) { run(b, p) })
	}
}

// BenchmarkWriter stores batches of 20,000 events, with statistics and offsets,
// and compares with the limit: SQLite executing the same changes, made
// beforehand, on another database. An operation is a batch.
func BenchmarkWriter(b *testing.B) { eachPopulation(b, benchmarkWriter) }

func benchmarkWriter(b *testing.B, p shop.Population) {
	w := newWriter(b, open(b, partitions()...))
	recorder, db, err := limit.Open(b.Context(), b.TempDir()+"/recorded.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	for _, p := range partitions() {
		db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES (?, ?, 0)`, p.Topic, p.Partition)
	}
	recorded, err := store.NewWriter(b.Context(), db)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = recorded.Close() })
	replica, err := limit.NewReplica(b.Context(), b.TempDir(), store.CheckpointSetting)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = replica.Close() })
	stream := newLive(p)
	var writing, executing clock.Pace
	b.ReportAllocs()
	b.StopTimer()
	for range b.N {
		batch := stream.batch()
		runtime.GC() // what the comparison leaves is not the writer's
		b.StartTimer()
		err := writing.Time(func() error { return w.Write(batch) })
		b.StopTimer()
		if err == nil {
			err = recorded.Write(batch)
		}
		changes := recorder.Take()
		runtime.GC()
		if err == nil {
			err = executing.Time(func() error { return replica.Execute(changes) })
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	reportLimit(b, b.N*benchBatch, writing, executing)
}

// reportLimit compares two ways to store n events.
func reportLimit(b *testing.B, n int, writing, executing clock.Pace) {
	b.ReportMetric(writing.Rate(n), "events/s")
	b.ReportMetric(writing.PerOne(n), "cpu-µs/event")
	b.ReportMetric(executing.PerOne(n), "limit-cpu-µs/event")
	b.ReportMetric(executing.Wall.Seconds()/writing.Wall.Seconds(), "of-limit")
	b.ReportMetric(executing.CPU.Seconds()/writing.CPU.Seconds(), "of-limit-by-cpu")
}

// BenchmarkGrowth fills a database with as many events as -grow says. In turn
// with the batches of its last million it stores those of the first million
// into a new one, and compares.
func BenchmarkGrowth(b *testing.B) {
	eachPopulation(b, func(b *testing.B, p shop.Population) {
		for b.Loop() {
			growOnce(b, p)
		}
	})
}

func growOnce(b *testing.B, p shop.Population) {
	const million = 1_000_000 / benchBatch
	large, small := open(b, partitions()...), open(b, partitions()...)
	late, early := newWriter(b, large), newWriter(b, small)
	end, start := newLive(p), newLive(p)
	batches := max(*grow/benchBatch, 2*million)
	var first, last clock.Pace
	for n := range batches {
		batch := end.batch()
		if n < batches-million {
			if err := late.Write(batch); err != nil {
				b.Fatal(err)
			}
			continue
		}
		again := start.batch()
		err := first.Time(func() error { return early.Write(again) })
		if err == nil {
			err = last.Time(func() error { return late.Write(batch) })
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(first.PerOne(1e6), "first-cpu-µs/event")
	b.ReportMetric(last.PerOne(1e6), "last-cpu-µs/event")
	b.ReportMetric(first.Wall.Seconds()/last.Wall.Seconds(), "last/first")
	b.ReportMetric(first.CPU.Seconds()/last.CPU.Seconds(), "last/first-by-cpu")
	b.ReportMetric(float64(size(b, large))/float64(batches*benchBatch), "B/event")
	b.ReportMetric(float64(last.Longest.Milliseconds()), "longest-batch-ms")
}

// size is that of the database file with all that the log holds.
func size(b *testing.B, db *database.Database) int64 {
	if _, err := db.Truncate(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(db.Path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
