// Package metrics gives what the database knows of the pipeline as Prometheus
// metrics. It reads one snapshot for each scrape, so that it costs the ingest
// nothing.
package metrics

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/readonly"
)

const readTimeout = 5 * time.Second

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("purchases_analytics_"+name, help, labels, nil)
}

var (
	records   = desc("records_total", "Records read, by outcome.", "topic", "partition", "outcome")
	conflicts = desc("conflicts_total", "Duplicates with other content than the stored event.", "topic", "partition")
	late      = desc("late_events_total", "Events more than a day behind a later one of their partition.", "topic",
		"partition")
	nextOffset  = desc("next_offset", "Every record below this offset is stored.", "topic", "partition")
	lag         = desc("lag_offsets", "Offsets not stored yet when the partition was read last.", "topic", "partition")
	lastEvent   = desc("latest_event_timestamp_seconds", "Time of the latest event.", "topic", "partition")
	lastStored  = desc("stored_timestamp_seconds", "When a record was stored last.", "topic", "partition")
	rejected    = desc("rejected_total", "Rejected records, by reason.", "reason")
	missing     = desc("missing_offsets_total", "Offsets that had expired before they were read.")
	size        = desc("database_bytes", "Size of the database file and of its write-ahead log.", "file")
	scrapeError = desc("scrape_errors", "1 when the database could not be read for this scrape.")
)

// Collector reads the database at each scrape.
type Collector struct {
	pool *readonly.Pool
	path string
}

// New returns a collector of the database at the path, which the pool has open.
func New(pool *readonly.Pool, path string) *Collector { return &Collector{pool, path} }

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		records, conflicts, late, nextOffset, lag, lastEvent, lastStored, rejected, missing, size, scrapeError,
	} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	file, log := database.Size(c.path)
	out <- prometheus.MustNewConstMetric(size, prometheus.GaugeValue, float64(file), "database")
	out <- prometheus.MustNewConstMetric(size, prometheus.GaugeValue, float64(log), "wal")
	failed := 0.0
	if err := c.read(ctx, out); err != nil {
		failed = 1
	}
	out <- prometheus.MustNewConstMetric(scrapeError, prometheus.GaugeValue, failed)
}

func (c *Collector) read(ctx context.Context, out chan<- prometheus.Metric) error {
	snapshot, err := c.pool.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = snapshot.Close() }()
	for _, collect := range []func(context.Context, sqlx.QueryerContext, chan<- prometheus.Metric) error{partitions,
		reasons, gaps} {
		if err := collect(ctx, snapshot, out); err != nil {
			return err
		}
	}
	return nil
}

// partition is a row of the table internal_partitions.
type partition struct {
	Topic                                         string
	Partition                                     string
	NextOffset                                    float64  `db:"next_offset"`
	HighWatermark                                 *float64 `db:"high_watermark"`
	LatestEventAt                                 *float64 `db:"latest_event_at"`
	StoredAt                                      *float64 `db:"stored_at"`
	Events, Duplicates, Conflicts, Rejected, Late float64
	Retractions, Retracted, Expired               float64
}

func partitions(ctx context.Context, db sqlx.QueryerContext, out chan<- prometheus.Metric) error {
	var list []partition
	err := sqlx.SelectContext(ctx, db, &list,
		`SELECT topic, partition, next_offset, high_watermark, latest_event_at, stored_at,
		events, duplicates, conflicts, rejected, late, retractions, retracted, expired FROM internal_partitions`)
	for _, p := range list {
		p.send(out)
	}
	return err
}

func (p *partition) send(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, t prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, t, value, append([]string{p.Topic, p.Partition}, labels...)...)
	}
	for outcome, n := range map[string]float64{
		"event": p.Events, "duplicate": p.Duplicates, "rejected": p.Rejected, "retraction": p.Retractions,
		"retracted": p.Retracted,
		"expired":   p.Expired,
	} {
		send(records, prometheus.CounterValue, n, outcome)
	}
	send(conflicts, prometheus.CounterValue, p.Conflicts)
	send(late, prometheus.CounterValue, p.Late)
	send(nextOffset, prometheus.GaugeValue, p.NextOffset)
	if p.HighWatermark != nil { // the last offset is mostly a transaction's marker
		send(lag, prometheus.GaugeValue, max(*p.HighWatermark-p.NextOffset-1, 0))
	}
	if p.LatestEventAt != nil {
		send(lastEvent, prometheus.GaugeValue, *p.LatestEventAt/1000)
	}
	if p.StoredAt != nil {
		send(lastStored, prometheus.GaugeValue, *p.StoredAt/1000)
	}
}

func reasons(ctx context.Context, db sqlx.QueryerContext, out chan<- prometheus.Metric) error {
	var list []struct {
		Reason  string
		Records float64
	}
	err := sqlx.SelectContext(ctx, db, &list, `SELECT reason, records FROM stats_rejected`)
	for _, r := range list {
		out <- prometheus.MustNewConstMetric(rejected, prometheus.CounterValue, r.Records, r.Reason)
	}
	return err
}

func gaps(ctx context.Context, db sqlx.QueryerContext, out chan<- prometheus.Metric) error {
	var offsets float64
	if err := sqlx.GetContext(ctx, db, &offsets,
		`SELECT ifnull(sum(to_offset - from_offset + 1), 0) FROM gaps`); err != nil {
		return err
	}
	out <- prometheus.MustNewConstMetric(missing, prometheus.CounterValue, offsets)
	return nil
}
