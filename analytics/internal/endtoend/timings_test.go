package endtoend_test

import (
	"io"
	"net/http"
	"regexp"
	"testing"
)

// scrape returns what the address says of its metrics.
func (m *machine) scrape(address string) string {
	m.t.Helper()
	request, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		m.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// What `analytics run` does shows in the histograms of its HTTP server.
func TestCommitsAndRequestsAreTimed(t *testing.T) {
	p := newPublished(t)
	p.publish(50)
	p.run("processor", "run", "--drain")
	address := p.serve("run")
	for _, line := range []string{
		`(?m)^purchases_analytics_commit_duration_seconds_count [1-9]`,
		`(?m)^purchases_analytics_http_request_duration_seconds_count\{route="GET /metrics",status="200"\} [1-9]`,
		`(?m)^purchases_analytics_checkpoint_duration_seconds_count \d`,
	} {
		shown := regexp.MustCompile(line)
		p.until("the metrics show "+line, func() bool { return shown.MatchString(p.scrape(address)) })
	}
}
