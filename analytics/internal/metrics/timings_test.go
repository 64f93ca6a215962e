package metrics_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"purchases/analytics/internal/metrics"
)

func TestTimings(t *testing.T) {
	timings := metrics.NewTimings()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(timings)
	timings.Committed(time.Second)
	timings.Checkpointed(time.Second)
	timings.Asked("top-items", time.Second)
	timings.Asked("sql", time.Second)
	timings.Answered("GET /api/v1/status", 200, time.Second)
	for name, want := range map[string]int{
		"purchases_analytics_commit_duration_seconds": 1, "purchases_analytics_checkpoint_duration_seconds": 1,
		"purchases_analytics_query_duration_seconds": 2, "purchases_analytics_http_request_duration_seconds": 1,
	} {
		if n, err := testutil.GatherAndCount(registry, name); n != want || err != nil {
			t.Errorf("%s has %d series, %v, want %d", name, n, err, want)
		}
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
