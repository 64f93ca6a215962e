package cmdline

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestProfiles(t *testing.T) {
	stderr, logs := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	app := &cli.App{Name: "shop", Commands: []*cli.Command{
		{Name: "serve", Action: func(c *cli.Context) error { <-c.Context.Done(); return nil }},
	}}
	ended := make(chan int)
	go func() { ended <- Run(ctx, app, []string{"shop", "serve", "--pprof", "127.0.0.1:0"}, io.Discard, logs) }()
	line := make([]byte, 200)
	n, err := stderr.Read(line)
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+/debug/pprof/`).FindString(string(line[:n]))
	if err != nil || url == "" {
		t.Fatalf("log line %q, %v", line[:n], err)
	}
	for _, profile := range []string{"", "heap", "block", "goroutine?debug=1", "profile?seconds=1"} {
		if status := get(t, url+profile, ""); status != http.StatusOK {
			t.Errorf("GET %s: %d", profile, status)
		}
	}
	if status := get(t, url, "evil.example:80"); status != http.StatusForbidden {
		t.Errorf("for another host: %d, want 403", status)
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	if answer, err := http.Get(url); err == nil {
		_ = answer.Body.Close()
		t.Error("profiles are served after the end")
	}
}

func get(t *testing.T, url, host string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode
}

func TestProfilesAreForThisMachine(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:0":       "name a loopback address",
		":0":              "name a loopback address",
		"192.0.2.1:0":     "name a loopback address",
		"example.org:80":  "name a loopback address",
		"127.0.0.1":       "want HOST:PORT",
		"127.0.0.1:99999": "choose another with --pprof",
	} {
		code, stdout, stderr := run(t.Context(), "serve", "--pprof", address)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q, want 2 and %q", address, code, stderr, want)
		}
	}
}
