package pipeline

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"purchases/processor/enriched"
	"purchases/producer/testkit/measure"
)

// BenchmarkPipeline measures purchases that go through the embedded broker, the
// start of the run included. Its limit is the same run when nobody looks at the
// messages: sarama reads them and passes them on in transactions of that size.
func BenchmarkPipeline(b *testing.B) {
	c := newCluster(b)
	c.produceTypical(measure.Events(b))
	s := c.drain()
	s.Log = slog.New(slog.DiscardHandler)
	s.Linger, s.BatchSize = 100*time.Millisecond, 5000
	var work, limit measure.Work
	for b.Loop() {
		s.Group += "x" // a new group reads the topic from its start
		limit.Do(func() int { return drain(b, newPipeline(s, passThrough)) })
		s.Group += "x"
		work.Do(func() int { return drain(b, newPipeline(s, transformer(s).Batch)) })
	}
	work.Report(b, &limit)
}

// produceTypical writes purchases as `producer generate` makes them.
func (c *cluster) produceTypical(count int) {
	const batch = 10_000
	messages := make([]*sarama.ProducerMessage, 0, batch)
	for n := range count {
		user := fmt.Sprintf("user-%05d", n%1000)
		messages = append(messages, message(user, fmt.Sprintf(
			`{"event_id":"5b2c1f0e-8a57-4b1e-9d5c-%012x","user":%q,"item":"item-%05d","item_name":"Vintage Cake Stand","quantity":%d,"unit_price":"%d.95",`+
				`"currency":"GBP","order_id":"order-%012x","timestamp":"2026-01-02T%02d:04:05.%03dZ","attributes":{"country":"United Kingdom"}}`,
			n, user, n%500, 1+n%7, n%90, n/4, n/1000%24, n%1000)))
		if len(messages) == batch || n == count-1 {
			c.send(messages...)
			messages = messages[:0]
		}
	}
}

func drain(b *testing.B, p *pipeline) int {
	if err := p.run(b.Context()); err != nil {
		b.Fatal(err)
	}
	return int(p.events.Load())
}

func passThrough(_ string, in []*sarama.ConsumerMessage, now time.Time) (out []*sarama.ProducerMessage, letters int) {
	for _, m := range in {
		out = append(out, &sarama.ProducerMessage{Topic: enriched.Topic, Key: sarama.ByteEncoder(m.Key),
			Value: sarama.ByteEncoder(m.Value), Timestamp: now})
	}
	return out, 0
}
