package ingest_test

import (
	"flag"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/testkit/clock"
	"purchases/analytics/internal/testkit/limit"
	"purchases/analytics/internal/testkit/shop"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

var backlog = flag.Int("backlog", 300_000, "how many events BenchmarkDrain reads")

// BenchmarkDrain stores a backlog that an embedded broker in this process
// holds, and compares with the limit: SQLite executing the same changes, made
// beforehand, on another database. An operation is a backlog.
func BenchmarkDrain(b *testing.B) {
	c := newBacklog(b, *backlog)
	var draining, executing clock.Pace
	b.ReportAllocs()
	b.StopTimer()
	for range b.N {
		db := openDatabase(b, b.TempDir()+"/analytics.db")
		b.StartTimer()
		err := draining.Time(func() error { return ingest.Run(b.Context(), db, config(c)) })
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		executeChanges(b, c, &executing)
	}
	n := b.N * *backlog
	b.ReportMetric(draining.Rate(n), "events/s")
	b.ReportMetric(executing.Rate(n), "limit-events/s")
	b.ReportMetric(draining.PerOne(n), "cpu-µs/event")
	b.ReportMetric(executing.PerOne(n), "limit-cpu-µs/event")
	b.ReportMetric(executing.Wall.Seconds()/draining.Wall.Seconds(), "of-limit")
}

// executeChanges drains the backlog once more, and then executes what that has
// changed on another database.
func executeChanges(b *testing.B, c *kfake.Cluster, executing *clock.Pace) {
	b.Helper()
	path := b.TempDir() + "/recorded.db"
	recorder, recording, err := limit.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	if err := ingest.Run(b.Context(), &database.Database{DB: recording, Path: path, File: recorder.File}, config(c)); err != nil {
		b.Fatal(err)
	}
	if err := recording.Close(); err != nil {
		b.Fatal(err)
	}
	replica, err := limit.NewReplica(b.Context(), b.TempDir(), store.CheckpointSetting)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = replica.Close() }()
	changes := recorder.Take()
	if err := executing.Time(func() error { return replica.Execute(changes) }); err != nil {
		b.Fatal(err)
	}
}

func newBacklog(b *testing.B, events int) *kfake.Cluster {
	b.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(8, enriched.Topic, deadletter.Topic))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	w := newTransactor(b, c)
	sells := shop.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 10_000_000/30, shop.Population{Users: 1000, Items: 500})
	for sent := 0; sent < events; {
		list := make([]*sarama.ProducerMessage, min(5000, events-sent))
		for i := range list {
			e := sells.Next(enriched.Source{Topic: purchase.Topic, Offset: int64(sent + i)})
			value, err := e.Encode()
			if err != nil {
				b.Fatal(err)
			}
			list[i] = &sarama.ProducerMessage{Topic: enriched.Topic, Key: sarama.ByteEncoder(e.Key()), Value: sarama.ByteEncoder(value)}
		}
		w.send(true, list...)
		sent += len(list)
	}
	return c
}
