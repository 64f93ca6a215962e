package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"purchases/producer/cmdline"
	"purchases/producer/cmdline/metrics"
	"purchases/producer/internal/generate"
)

// serveMetrics answers from the registry at --metrics-addr.
func serveMetrics(c *cli.Context, r *prometheus.Registry) (stop func(), err error) {
	return metrics.Serve(c, metrics.Handler(r, nil), cmdline.Log(c, c.Command.Name))
}

// generated counts the messages that were made, by kind.
type generated [3]prometheus.Counter

func newGenerated(r prometheus.Registerer) (g generated) {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "producer", Name: "generated_events_total", Help: "Events that were generated, by kind.",
	}, []string{"kind"})
	r.MustRegister(vec)
	for kind, name := range map[generate.Kind]string{
		generate.Valid: "valid", generate.Invalid: "invalid", generate.Duplicate: "duplicate",
	} {
		g[kind] = vec.WithLabelValues(name)
	}
	return g
}
