package pipeline

import (
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"

	"purchases/processor/deadletter"
	"purchases/producer/kafka"
)

// Metrics counts the work of a process. Create it with [NewMetrics].
type Metrics struct {
	events, bytes, batches, retries, rebalances, expired prometheus.Counter
	deadLetters                                          *prometheus.CounterVec
	transactions                                         prometheus.Histogram
	lag, age, held                                       *prometheus.GaugeVec
}

// NewMetrics returns metrics that are registered with r, which may be nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "processor", Name: name, Help: help})
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "processor", Name: name, Help: help},
			[]string{"topic", "partition"})
	}
	m := &Metrics{
		events:     counter("events_total", "Enriched events in committed transactions."),
		bytes:      counter("input_bytes_total", "Bytes of keys and values of the purchases in committed transactions."),
		batches:    counter("batches_total", "Committed transactions."),
		retries:    counter("retries_total", "Sessions of the consumer group that failed and were restarted."),
		rebalances: counter("rebalances_total", "Assignments of partitions to this member of the group."),
		expired: counter("expired_offsets_total",
			"Offsets that expired before they were processed, and are recorded as gaps."),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "processor", Name: "dead_letters_total", Help: "Dead letters in committed transactions, by reason.",
		}, []string{"reason"}),
		transactions: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "processor", Name: "transaction_duration_seconds", Help: "Duration of committed transactions.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		lag: gauge("consumer_lag_offsets",
			"Offsets from the first unprocessed purchase to the high watermark; 0 if there is none."),
		age: gauge("consumer_lag_seconds", "Age of the first unprocessed purchase, by its record's timestamp."),
		held: gauge("open_transaction_age_seconds",
			"Age of the open transaction of another producer that blocks the partition; 0 without one."),
	}
	if r != nil {
		r.MustRegister(m.events, m.bytes, m.batches, m.retries, m.rebalances, m.expired,
			m.deadLetters, m.transactions, m.lag, m.age, m.held)
	}
	return m
}

func (m *Metrics) published(in []*sarama.ConsumerMessage, out []*sarama.ProducerMessage, letters int,
	took time.Duration) {
	m.batches.Inc()
	m.transactions.Observe(took.Seconds())
	m.events.Add(float64(len(out) - letters))
	bytes := 0
	for _, message := range in {
		bytes += len(message.Key) + len(message.Value)
	}
	m.bytes.Add(float64(bytes))
	if letters == 0 {
		return
	}
	for _, message := range out {
		if reason := reasonOf(message); reason != "" {
			m.deadLetters.WithLabelValues(reason).Inc()
		}
	}
}

// expiredOffsets counts the letter of so many offsets.
func (m *Metrics) expiredOffsets(n int64) {
	m.deadLetters.WithLabelValues(string(deadletter.Expired)).Inc()
	m.expired.Add(float64(n))
}

// reasonOf is empty for an event.
func reasonOf(m *sarama.ProducerMessage) string {
	for _, header := range slices.Backward(m.Headers) { // original headers, which come first, may have the same name
		if string(header.Key) == deadletter.HeaderReason {
			return string(header.Value)
		}
	}
	return ""
}

func (m *Metrics) pending(p kafka.Pending, now time.Time) {
	labels := []string{p.Topic, partitionLabel(p.Partition)}
	age := p.Age(now).Seconds()
	m.lag.WithLabelValues(labels...).Set(float64(p.Lag()))
	m.age.WithLabelValues(labels...).Set(age)
	if !p.Open {
		age = 0
	}
	m.held.WithLabelValues(labels...).Set(age)
}

// forget drops the partitions of an assignment that has ended: this process
// does not know their lag.
func (m *Metrics) forget() {
	m.lag.Reset()
	m.age.Reset()
	m.held.Reset()
}
