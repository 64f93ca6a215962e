// Package metrics serves the metrics and the health of a program over HTTP. The
// definitions of metrics stand beside the code that counts.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
)

const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = time.Minute
	maxConcurrent = 4 // scrapes
)

// Flag is --metrics-addr.
func Flag() cli.Flag {
	return &cli.StringFlag{
		Name: "metrics-addr", EnvVars: []string{"METRICS_ADDR"},
		Usage: "serve /metrics, /livez and /readyz at `HOST:PORT`, such as 127.0.0.1:9101; they need no password",
	}
}

// NewRegistry returns a registry with the metrics that every program has: of the
// process, of the Go runtime, and purchases_build_info with the program's name,
// version and commit.
func NewRegistry(program string) *prometheus.Registry {
	build := cmdline.ThisBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "purchases_build_info", Help: "Always 1; the labels say which program runs.",
		ConstLabels: prometheus.Labels{"program": program, "version": build.Version, "commit": build.Commit,
			"go_version": build.Go},
	})
	info.Set(1)
	r := prometheus.NewRegistry()
	r.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Reasons says why a program is not ready to work, one line each; none when it
// is. It must answer at once.
type Reasons func() []string

// Handler answers GET /metrics from the registry, /livez always with 200, and
// /readyz with 200, or with 503 and the reasons. A nil Reasons gives none.
func Handler(registry *prometheus.Registry, reasons Reasons) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry,
		promhttp.HandlerOpts{MaxRequestsInFlight: maxConcurrent, Timeout: writeTimeout}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if reasons == nil {
			answer(w, nil)
			return
		}
		answer(w, reasons())
	})
	return mux
}

func answer(w http.ResponseWriter, reasons []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	text := "ok"
	if len(reasons) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = strings.Join(reasons, "\n")
	}
	_, _ = fmt.Fprintln(w, text) // fails when the client has gone
}

// Serve listens at the address of [Flag] and answers by handler until stop is
// called. Without an address it does nothing. An address that cannot be opened
// is an error.
func Serve(c *cli.Context, handler http.Handler, log *slog.Logger) (stop func(), err error) {
	address := c.String("metrics-addr")
	if address == "" {
		return func() {}, nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, cmdline.Usagef("--metrics-addr %.100q: want HOST:PORT, such as 127.0.0.1:9101", address)
	}
	listener, err := cmdline.Listen(c.Context, address, "metrics-addr")
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	log.Info("serving metrics", "url", "http://"+listener.Addr().String()+"/metrics")
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the metrics server has stopped", "cause", err)
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	}, nil
}
