package importing

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics holds the counts of an import for whoever asks. Create it with
// [NewMetrics].
type Metrics struct{ last atomic.Pointer[Tally] }

// NewMetrics returns metrics that are registered with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{}
	m.last.Store(&Tally{})
	for outcome, count := range map[string]func(*Tally) int64{
		"sent":       func(t *Tally) int64 { return t.Sent },
		"malformed":  func(t *Tally) int64 { return t.Malformed },
		"left_out":   func(t *Tally) int64 { return t.LeftOut },
		"unfinished": func(t *Tally) int64 { return t.Unfinished },
	} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "producer", Name: "rows_total", Help: "Rows of the imported files, by what became of them.",
			ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 { return float64(count(m.last.Load())) }))
	}
	return m
}

// Set replaces the counts; see [Import.Tallied].
func (m *Metrics) Set(t Tally) { m.last.Store(&t) }
