package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"purchases/producer/cmdline"
)

// serving runs a command that serves metrics until the test ends, and returns their address.
func serving(t *testing.T, stdin io.Reader, args ...string) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stderr, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		a := app()
		a.Reader = stdin
		ended <- cmdline.Run(ctx, a, append([]string{"producer"}, append(args, "--metrics-addr", "127.0.0.1:0")...),
			io.Discard, w)
		_ = w.Close()
	}()
	t.Cleanup(func() { cancel(); <-ended })
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, after, found := strings.Cut(lines.Text(), "serving metrics component="); found {
			_, url, _ = strings.Cut(after, "url=")
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	if url == "" {
		t.Fatal("no metrics are served")
	}
	return url
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shows scrapes until all of the lines are there, and checks the text's form.
func shows(t *testing.T, url string, lines ...string) {
	t.Helper()
	var text string
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		text = scrape(t, url)
		missing := ""
		for _, line := range lines {
			if !strings.Contains(text, "\n"+line) {
				missing = line
			}
		}
		if missing == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no line %q in\n%s", missing, text)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestMetricsOfGenerate(t *testing.T) {
	url := serving(t, nil, "generate", "--rate", "500", "--invalid-ratio", "0.2", "--duplicate-ratio", "0.2",
		"--seed", "1", "--bootstrap-servers", startBroker(t))
	shows(t, url, `purchases_build_info{`, `producer_generated_events_total{kind="valid"} `,
		`producer_generated_events_total{kind="invalid"} `,
		`producer_generated_events_total{kind="duplicate"} `, "producer_events_total ", "producer_output_bytes_total ",
		"producer_batches_total ",
		"producer_retries_total 0\n", "producer_failed_events_total 0\n")
}

func TestMetricsOfImport(t *testing.T) {
	rows, w := io.Pipe()
	defer func() { _ = w.Close() }()
	go func() {
		_, _ = io.WriteString(w, "user,item,quantity,timestamp\n"+
			"u,a,1,2026-01-01T00:00:00Z\nu,b,1,2026-01-01T00:00:00Z\nu,c,1,then\nu,d,1,2026-01-01T00:00:00Z\n")
	}()
	url := serving(t, rows, "import", "-", "--format", "csv", "--where", `item != "d"`, "--bootstrap-servers",
		startBroker(t))
	shows(t, url, `producer_rows_total{outcome="sent"} 2`+"\n", `producer_rows_total{outcome="malformed"} 1`+"\n",
		`producer_rows_total{outcome="left_out"} 1`+"\n", `producer_rows_total{outcome="unfinished"} 0`+"\n",
		"producer_events_total 2\n")
}
