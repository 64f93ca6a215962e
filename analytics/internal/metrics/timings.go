package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Timings are histograms of what a process does. They are a
// [prometheus.Collector], and safe for concurrent use.
type Timings struct {
	commits, checkpoints prometheus.Histogram
	queries, requests    *prometheus.HistogramVec
}

// NewTimings returns histograms that are registered nowhere yet.
func NewTimings() *Timings {
	options := func(name, help string) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{
			Namespace: "purchases_analytics", Name: name, Help: help,
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}
	}
	return &Timings{
		commits: prometheus.NewHistogram(options("commit_duration_seconds",
			"Duration of transactions that store a batch.")),
		checkpoints: prometheus.NewHistogram(options("checkpoint_duration_seconds",
			"Duration of copying the write-ahead log into the database.")),
		queries: prometheus.NewHistogramVec(options("query_duration_seconds",
			"Duration of queries that were run; sql is a client's own SELECT."), []string{"query"}),
		requests: prometheus.NewHistogramVec(options("http_request_duration_seconds",
			"Duration of HTTP requests, by route and status."), []string{"route", "status"}),
	}
}

// Committed notes a transaction that has stored a batch.
func (t *Timings) Committed(took time.Duration) { t.commits.Observe(took.Seconds()) }

// Checkpointed notes that the write-ahead log was copied.
func (t *Timings) Checkpointed(took time.Duration) { t.checkpoints.Observe(took.Seconds()) }

// Asked notes a query by its name.
func (t *Timings) Asked(query string, took time.Duration) {
	t.queries.WithLabelValues(query).Observe(took.Seconds())
}

// Answered notes an HTTP request.
func (t *Timings) Answered(route string, status int, took time.Duration) {
	t.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (t *Timings) all() []prometheus.Collector {
	return []prometheus.Collector{t.commits, t.checkpoints, t.queries, t.requests}
}

// Describe implements [prometheus.Collector].
func (t *Timings) Describe(out chan<- *prometheus.Desc) {
	for _, c := range t.all() {
		c.Describe(out)
	}
}

// Collect implements [prometheus.Collector].
func (t *Timings) Collect(out chan<- prometheus.Metric) {
	for _, c := range t.all() {
		c.Collect(out)
	}
}
