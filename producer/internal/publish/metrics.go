package publish

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rcrowley/go-metrics"
)

// batches is the name of sarama's histogram that has an entry for each batch.
const batches = "batch-size"

// Register registers what the publisher counts.
func (p *Publisher) Register(r prometheus.Registerer) {
	counter := func(name, help string, value func() int64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "producer", Name: name, Help: help},
			func() float64 { return float64(value()) }))
	}
	counter("events_total", "Events that the cluster has acknowledged.", p.delivered.Load)
	counter("output_bytes_total", "Bytes of keys and values of these events.", p.bytes.Load)
	counter("failed_events_total", "Events that were given up without an acknowledgement.", p.failed.Load)
	counter("batches_total", "Batches of events that were sent, each time counted that one was sent.", p.batches.count)
	counter("retries_total", "Waits before events were sent again.", p.retries.Load)
}

// batchCount is how many batches sarama has sent. Its registry forgets at the end.
type batchCount struct {
	registry metrics.Registry
	last     atomic.Int64
}

func (b *batchCount) count() int64 {
	if sizes, known := b.registry.Get(batches).(metrics.Histogram); known {
		b.last.Store(max(b.last.Load(), sizes.Count()))
	}
	return b.last.Load()
}
