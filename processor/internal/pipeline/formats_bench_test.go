package pipeline

import (
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/purchase"
	"purchases/producer/registry"
	"purchases/producer/serialize"
	"purchases/producer/testkit/measure"
)

// BenchmarkFormats measures the same purchases in each format of a schema registry,
// in turns with plain JSON, which is the limit.
func BenchmarkFormats(b *testing.B) {
	fake, _ := newRegistry(b)
	plain := newCluster(b)
	plain.produceTypical(measure.Events(b))
	for name, format := range serialize.Formats {
		id, _, err := fake.RegisterSchema(name, registry.Ours(format))
		if err != nil {
			b.Fatal(err)
		}
		s, err := serialize.New(format, int32(id))
		if err != nil {
			b.Fatal(err)
		}
		framed := newCluster(b)
		framed.settings.Registry.URLs = []string{fake.URL()}
		for _, m := range plain.read(purchase.Topic) {
			value, err := s.Value(m.Value)
			if err != nil {
				b.Fatal(err)
			}
			framed.buffer(message(string(m.Key), string(value)))
		}
		framed.flush()
		b.Run(name, func(b *testing.B) { compareFormats(b, plain, framed) })
	}
}

func compareFormats(b *testing.B, plain, framed *cluster) {
	run := func(c *cluster) int {
		c.runs += "x" // a new group reads the topic from its start
		s := c.drain()
		s.Group += c.runs
		s.Log, s.Linger, s.BatchSize = slog.New(slog.DiscardHandler), 100*time.Millisecond, 5000
		totals, err := Run(b.Context(), s)
		if err != nil || totals.DeadLetters > 0 {
			b.Fatal(totals, err)
		}
		return int(totals.Events)
	}
	var work, limit measure.Work
	for b.Loop() {
		limit.Do(func() int { return run(plain) })
		work.Do(func() int { return run(framed) })
	}
	work.Report(b, &limit)
}

// buffer sends messages in batches, and flush the rest.
func (c *cluster) buffer(m *sarama.ProducerMessage) {
	if c.pending = append(c.pending, m); len(c.pending) == 10_000 {
		c.flush()
	}
}

func (c *cluster) flush() {
	c.send(c.pending...)
	c.pending = nil
}
