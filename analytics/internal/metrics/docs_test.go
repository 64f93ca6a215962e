package metrics_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"purchases/analytics/internal/metrics"
)

// names are those of all metrics of the collectors.
func names(collectors ...prometheus.Collector) (list []string) {
	for _, c := range collectors {
		descriptions := make(chan *prometheus.Desc, 100)
		c.Describe(descriptions)
		close(descriptions)
		for d := range descriptions {
			_, after, _ := strings.Cut(d.String(), `fqName: "`)
			name, _, _ := strings.Cut(after, `"`)
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func TestManualNamesEachMetric(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile("`(purchases_analytics_[a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		told = append(told, m[1])
	}
	slices.Sort(told)
	if want := names(metrics.New(nil, ""), metrics.NewTimings()); !slices.Equal(slices.Compact(told), want) {
		t.Errorf("the manual has\n%s\nthe code has\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}
