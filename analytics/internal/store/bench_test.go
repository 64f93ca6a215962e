package store_test

import (
	"flag"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/testkit/limit"
	"purchases/analytics/internal/testkit/traffic"
)

var grow = flag.Int("grow", 2_000_000, "how many events BenchmarkGrowth stores")

const benchBatch = 20_000

// live makes batches of the stream.
type live struct {
	*traffic.Stream
	offset int64
}

func (l *live) batch() []store.Chunk {
	list := make([]store.Record, benchBatch)
	for i := range list {
		s := l.Next()
		list[i] = store.Record{Event: store.Event{
			OccurredAt: s.At, ProcessedAt: s.At + 300, ID: s.ID, User: s.User, Item: s.Item, ItemName: s.ItemName,
			OrderNumber: s.Order, Currency: "GBP", Attributes: fmt.Sprintf(`{"country":%q}`, s.Country),
			Quantity: s.Quantity, UnitPrice: s.Price, HasPrice: true,
		}}
	}
	c := chunk(events, l.offset, list...)
	l.offset = c.Next
	return []store.Chunk{c}
}

// population is how many users and items a benchmark has.
type population struct{ users, items int }

func (p population) String() string { return fmt.Sprintf("users=%d/items=%d", p.users, p.items) }

// BenchmarkWriter stores batches of 20,000 events, with statistics and offsets,
// and compares with the limit: SQLite executing the same changes, made
// beforehand, on another database. An operation is a batch.
func BenchmarkWriter(b *testing.B) {
	for _, p := range []population{{1000, 500}, {100_000, 10_000}, {10_000_000, 100_000}} {
		b.Run(p.String(), func(b *testing.B) { benchmarkWriter(b, p) })
	}
}

func benchmarkWriter(b *testing.B, p population) {
	w := newWriter(b, open(b, events))
	recorder, db, err := limit.Open(b.Context(), b.TempDir()+"/recorded.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	const partition = `INSERT INTO partitions (topic, partition, next_offset) VALUES ('analytics', 0, 0)`
	db.MustExec(partition)
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
	stream := live{Stream: traffic.New(p.users, p.items)}
	var writing, executing time.Duration
	b.ReportAllocs()
	b.StopTimer()
	for range b.N {
		batch := stream.batch()
		b.StartTimer()
		began := time.Now()
		if err := w.Write(batch); err != nil {
			b.Fatal(err)
		}
		writing += time.Since(began)
		b.StopTimer()
		if err := recorded.Write(batch); err != nil {
			b.Fatal(err)
		}
		changes := recorder.Take()
		began = time.Now()
		if err := replica.Execute(changes); err != nil {
			b.Fatal(err)
		}
		executing += time.Since(began)
	}
	n := float64(b.N) * benchBatch
	b.ReportMetric(n/writing.Seconds(), "events/s")
	b.ReportMetric(n/executing.Seconds(), "limit-events/s")
	b.ReportMetric(executing.Seconds()/writing.Seconds(), "of-limit")
}

// BenchmarkGrowth fills one database with as many events as -grow says, and
// compares the rate and the CPU time of the last million with those of the
// first.
func BenchmarkGrowth(b *testing.B) {
	for _, p := range []population{{1000, 500}, {10_000_000, 100_000}} {
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				growOnce(b, p)
			}
		})
	}
}

func growOnce(b *testing.B, p population) {
	const million = 1_000_000 / benchBatch
	db := open(b, events)
	w := newWriter(b, db)
	stream := live{Stream: traffic.New(p.users, p.items)}
	batches := max(*grow/benchBatch, 2*million)
	var first, last pace
	for n := range batches {
		batch := stream.batch()
		before := now()
		if err := w.Write(batch); err != nil {
			b.Fatal(err)
		}
		switch {
		case n < million:
			first.add(before)
		case n >= batches-million:
			last.add(before)
		}
	}
	b.ReportMetric(1e6/first.wall.Seconds(), "first-events/s")
	b.ReportMetric(1e6/last.wall.Seconds(), "last-events/s")
	b.ReportMetric(first.wall.Seconds()/last.wall.Seconds(), "last/first")
	b.ReportMetric(first.cpu.Seconds()/last.cpu.Seconds(), "last/first-by-cpu")
	b.ReportMetric(float64(size(b, db))/float64(batches*benchBatch), "B/event")
	b.ReportMetric(float64(last.longest.Milliseconds()), "longest-batch-ms")
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

// pace is the time that some batches took.
type pace struct{ wall, cpu, longest time.Duration }

type moment struct {
	wall time.Time
	cpu  time.Duration
}

func now() moment {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails only for a wrong argument
	return moment{time.Now(), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
}

func (p *pace) add(since moment) {
	n := now()
	took := n.wall.Sub(since.wall)
	p.wall += took
	p.longest = max(p.longest, took)
	p.cpu += n.cpu - since.cpu
}
