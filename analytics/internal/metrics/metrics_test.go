package metrics_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/metrics"
	"purchases/analytics/internal/readonly"
)

func TestMetricsOfADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset, high_watermark, records, events,
		duplicates, conflicts, rejected)
		VALUES ('analytics', 0, 10, 16, 9, 6, 3, 1, 0)`)
	db.MustExec(`INSERT INTO stats_rejected VALUES ('missing_user', 4, 0, 0)`)
	db.MustExec(`INSERT INTO gaps VALUES ('analytics', 0, 0, 6, 0)`)
	pool, err := readonly.Open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(pool, path))
	want := `
# HELP purchases_analytics_lag_offsets Offsets not stored yet when the partition was read last.
# TYPE purchases_analytics_lag_offsets gauge
purchases_analytics_lag_offsets{partition="0",topic="analytics"} 5
# HELP purchases_analytics_missing_offsets_total Offsets that had expired before they were read.
# TYPE purchases_analytics_missing_offsets_total counter
purchases_analytics_missing_offsets_total 7
# HELP purchases_analytics_rejected_total Rejected records, by reason.
# TYPE purchases_analytics_rejected_total counter
purchases_analytics_rejected_total{reason="missing_user"} 4
# HELP purchases_analytics_scrape_errors 1 when the database could not be read for this scrape.
# TYPE purchases_analytics_scrape_errors gauge
purchases_analytics_scrape_errors 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "purchases_analytics_lag_offsets",
		"purchases_analytics_missing_offsets_total", "purchases_analytics_rejected_total",
		"purchases_analytics_scrape_errors"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
