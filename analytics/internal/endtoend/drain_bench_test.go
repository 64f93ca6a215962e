package endtoend_test

import (
	"fmt"
	"log/slog"
	"testing"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/analytics/internal/store"
	"purchases/analytics/internal/testkit/clock"
	"purchases/analytics/internal/testkit/limit"
	"purchases/producer/kafka"
	"purchases/producer/testkit/measure"
)

// BenchmarkDrain stores what the other programs have made, from an embedded
// broker that is a process of its own on the same machine, and compares with the
// limit: SQLite executing the same changes, made beforehand, on another database.
// An operation is as many events as the environment asks for.
func BenchmarkDrain(b *testing.B) {
	events := measure.Events(b)
	m := newMachine(b)
	m.timed(m.command("producer", "generate", "--count", fmt.Sprint(events)))
	m.timed(m.command("processor", "run", "--drain"))
	var draining, executing clock.Pace
	b.ReportAllocs()
	b.StopTimer()
	for range b.N {
		db, err := database.Open(b.Context(), b.TempDir()+"/analytics.db")
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		err = draining.Time(func() error { return m.drain(db) })
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		m.executeChanges(b, &executing)
	}
	n := b.N * events
	b.ReportMetric(draining.Rate(n), "events/s")
	b.ReportMetric(executing.Rate(n), "limit-events/s")
	b.ReportMetric(draining.PerOne(n), "cpu-µs/event")
	b.ReportMetric(executing.PerOne(n), "limit-cpu-µs/event")
	b.ReportMetric(executing.Wall.Seconds()/draining.Wall.Seconds(), "of-limit")
}

// drain stores all that the logs hold.
func (m *machine) drain(db *database.Database) error {
	return ingest.Run(m.t.Context(), db, ingest.Config{
		Kafka: kafka.Settings{Bootstrap: []string{m.cluster.Bootstrap()}}, Topics: ingest.DefaultTopics, Group: "analytics",
		Drain: true, Log: slog.New(slog.DiscardHandler),
	})
}

// executeChanges stores all once more, and then executes what that has changed
// on another database.
func (m *machine) executeChanges(b *testing.B, executing *clock.Pace) {
	b.Helper()
	path := b.TempDir() + "/recorded.db"
	recorder, recording, err := limit.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	if err := m.drain(&database.Database{DB: recording, Path: path, File: recorder.File}); err != nil {
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
