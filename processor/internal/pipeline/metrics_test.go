package pipeline

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"purchases/producer/purchase"
)

func TestMetricsCountWhatIsCommitted(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(30)
	c.send(message("a", "not JSON"), message("b", `{"user":"u"}`))
	registry := prometheus.NewRegistry()
	s := c.drain()
	s.Metrics = NewMetrics(registry)
	if _, err := Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP processor_dead_letters_total Dead letters in committed transactions, by reason.
# TYPE processor_dead_letters_total counter
processor_dead_letters_total{reason="invalid_json"} 1
processor_dead_letters_total{reason="missing_item"} 1
# HELP processor_events_total Enriched events in committed transactions.
# TYPE processor_events_total counter
processor_events_total 30
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "processor_events_total",
		"processor_dead_letters_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	if n, err := testutil.GatherAndCount(registry, "processor_consumer_lag_offsets"); err != nil || n == 0 {
		t.Errorf("%d partitions of %s have a lag, %v", n, purchase.Topic, err)
	}
}
