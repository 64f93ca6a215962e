package publish_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// value is that of a metric without labels.
func value(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func TestMetricsCountWhatIsAcknowledged(t *testing.T) {
	cluster, settings := newCluster(t)
	cluster.ControlKey(kmsg.Produce.Int16(), refuseEach(cluster, 2)) // which are sent again
	p := open(t, settings)
	registry := prometheus.NewRegistry()
	p.Register(registry)
	for range 10 {
		if err := p.Send(t.Context(), []byte("key"), []byte("a value")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP producer_events_total Events that the cluster has acknowledged.
# TYPE producer_events_total counter
producer_events_total 10
# HELP producer_failed_events_total Events that were given up without an acknowledgement.
# TYPE producer_failed_events_total counter
producer_failed_events_total 0
# HELP producer_output_bytes_total Bytes of keys and values of these events.
# TYPE producer_output_bytes_total counter
producer_output_bytes_total 100
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"producer_events_total", "producer_failed_events_total", "producer_output_bytes_total"); err != nil {
		t.Error(err)
	}
	if n := value(t, registry, "producer_retries_total"); n == 0 {
		t.Error("no retries are counted, and requests were refused")
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
