package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/health"
	"purchases/analytics/internal/lag"
	dbmetrics "purchases/analytics/internal/metrics"
	"purchases/analytics/internal/page"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/replay"
	"purchases/analytics/internal/server"
	"purchases/producer/cmdline"
	"purchases/producer/cmdline/metrics"
	"purchases/producer/kafka"
)

const defaultHTTP = "127.0.0.1:8080"

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "answer queries over HTTP, without reading from Kafka",
		Description: "Serves a web page at / and an API under /api. `analytics run` serves its own database. Use this command\n" +
			"for a copy of the database or for another address.\n\n" +
			"Example:\n   analytics serve --http 127.0.0.1:8081   # then open http://127.0.0.1:8081",
		Flags:  append(httpFlags(), databaseFlag()),
		Action: serve,
	}
}

// httpFlags say how the database is served.
func httpFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "http", Value: defaultHTTP, EnvVars: []string{"ANALYTICS_HTTP"},
			Usage: "serve HTTP on `HOST:PORT`; empty disables HTTP"},
		&cli.StringFlag{Name: "auth-token-file", Usage: "require the bearer token in `FILE`"},
		&cli.BoolFlag{Name: "insecure", Usage: "serve without a token on an address that other machines can reach"},
		&cli.StringSliceFlag{Name: "cors-origin",
			Usage: "allow pages of `ORIGIN`, such as https://grafana.example, to read the API; * allows every site"},
		&cli.BoolFlag{Name: "no-sql", Usage: "disable ad-hoc SELECTs over HTTP"},
		&cli.StringFlag{Name: "tls-cert", Usage: "serve HTTPS with the certificate in `FILE`"},
		&cli.StringFlag{Name: "tls-key", Usage: "use the key in `FILE` for --tls-cert"},
		queriesFlag(),
	}
}

func serve(c *cli.Context) (err error) {
	if c.Args().Present() {
		return cmdline.Usagef("`analytics serve` takes no arguments, got %q", c.Args().First())
	}
	web, err := listen(c)
	if err != nil {
		return err
	}
	if web == nil {
		return cmdline.Usagef("--http is empty, so there is nothing to serve")
	}
	log := cmdline.Log(c, "server")
	if err := web.open(c, log, &health.Health{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, web.close()) }()
	return web.server.Serve(c.Context, web.listener, web.tls)
}

// web is the HTTP server of one process; nil where there is none.
type web struct {
	listener net.Listener
	token    string
	tls      server.TLS
	pool     *readonly.Pool
	server   *server.Server
	timings  *dbmetrics.Timings
}

// listen opens the address of --http, where the flags say that it is safe.
func listen(c *cli.Context) (*web, error) {
	w := &web{timings: dbmetrics.NewTimings()}
	w.tls = server.TLS{Certificate: c.String("tls-cert"), Key: c.String("tls-key")}
	if c.String("http") == "" {
		return nil, nil
	}
	if (w.tls.Certificate == "") != (w.tls.Key == "") {
		return nil, cmdline.Usagef("--tls-cert and --tls-key must be set together")
	}
	if w.tls.Certificate != "" {
		if _, err := tls.LoadX509KeyPair(w.tls.Certificate, w.tls.Key); err != nil {
			return nil, fmt.Errorf("read the certificate of --tls-cert %s and --tls-key %s: %w", w.tls.Certificate, w.tls.Key,
				err)
		}
	}
	if err := server.CheckOrigins(c.StringSlice("cors-origin")); err != nil {
		return nil, cmdline.Usagef("--cors-origin %v", err)
	}
	var err error
	if w.token, err = readToken(c.String("auth-token-file")); err != nil {
		return nil, err
	}
	if w.listener, err = server.Listen(c.String("http")); err != nil {
		return nil, err
	}
	if w.token == "" && !c.Bool("insecure") && !server.IsLoopback(w.listener) {
		_ = w.listener.Close()
		return nil, cmdline.Usagef("other machines can reach --http %s: set --auth-token-file FILE, or --insecure to serve "+
			"without a token", c.String("http"))
	}
	return w, nil
}

func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	const shortest = 16 // characters
	token := bytes.TrimSpace(text)
	if len(token) < shortest {
		return "", fmt.Errorf("read the token: %s has %d characters, want %d or more; `openssl rand -hex 32 > %[1]s` makes "+
			"one", file, len(token), shortest)
	}
	return string(token), nil
}

// open opens the database, which must exist, for what web serves.
func (w *web) open(c *cli.Context, log *slog.Logger, state *health.Health) (err error) {
	catalogue, faults := allQueries(c.String("queries"))
	if err := reportFaults(c, faults); err != nil {
		return errors.Join(err, w.listener.Close())
	}
	if w.pool, err = readonly.Open(c.String("db"), server.Connections()); err != nil {
		return errors.Join(err, w.listener.Close())
	}
	path := c.String("db")
	config := server.Config{
		Pool: w.pool, Queries: newLiveQueries(c.String("queries"), catalogue, log).current, Token: w.token, Log: log,
		Origins: c.StringSlice("cors-origin"), NoSQL: c.Bool("no-sql"),
		LocalOnly: server.IsLoopback(w.listener) && w.token == "",
		Size:      func() int64 { return databaseSize(path) },
		Replaying: func(ctx context.Context) *page.Replay { return replaying(ctx, path, log) },
	}
	w.observe(&config, path, state)
	w.server, err = server.New(config)
	if err != nil {
		return errors.Join(err, w.listener.Close(), w.pool.Close())
	}
	w.warn(c, log)
	log.Info("serving", "url", w.url(), "queries", len(catalogue))
	return nil
}

// replaying tells the page of a replay that runs in another process.
func replaying(ctx context.Context, path string, log *slog.Logger) *page.Replay {
	progress, err := replay.Running(ctx, path)
	if err != nil {
		log.Debug("the progress of a replay cannot be read", "cause", err)
	}
	if err != nil || progress == nil {
		return nil
	}
	return &page.Replay{Since: progress.Since(), Done: progress.Done, Total: progress.Total}
}

// observe adds metrics and health, and what is known of Kafka, if it is asked.
func (w *web) observe(config *server.Config, path string, state *health.Health) {
	config.Kafka, state.Readable = state.Kafka, w.readable
	registry := metrics.NewRegistry("analytics")
	registry.MustRegister(dbmetrics.New(w.pool, path), w.timings)
	config.Asked, config.Answered = w.timings.Asked, w.timings.Answered
	config.Operations = metrics.Handler(registry, state.Reasons)
}

// readable says why the database cannot be read.
func (w *web) readable() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := answer.Freshness(ctx, w.pool)
	if ctx.Err() != nil {
		return nil // queries hold all connections, so the database is being read
	}
	return err
}

// warn says what makes the token less of a secret.
func (w *web) warn(c *cli.Context, log *slog.Logger) {
	if w.token == "" {
		return
	}
	file := c.String("auth-token-file")
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("other users can read the token file; run chmod 600 on it", "file", file)
	}
	if w.tls == (server.TLS{}) && !server.IsLoopback(w.listener) {
		log.Warn("the token crosses the network in clear text; --tls-cert and --tls-key encrypt it", "http", c.String("http"))
	}
}

func (w *web) url() string {
	scheme := "http"
	if w.tls != (server.TLS{}) {
		scheme = "https"
	}
	return scheme + "://" + w.listener.Addr().String() + "/"
}

func (w *web) close() error { return w.pool.Close() }

// listenBeside opens the address before the ingest begins, so that one that is
// taken is said at once. A drain serves only where it is told to.
func listenBeside(c *cli.Context) (*web, error) {
	if c.Bool("drain") && !c.IsSet("http") {
		return nil, nil
	}
	return listen(c)
}

// startHTTP serves beside an ingest, until stop is called. Its failure is
// logged and does not end the ingest.
func startHTTP(c *cli.Context, w *web, settings kafka.Settings, state *health.Health, log *slog.Logger) (
	stop func(), err error,
) {
	if w == nil {
		return func() {}, nil
	}
	monitor := &lag.Monitor{}
	state.Kafka = monitor.View
	if err := w.open(c, log, state); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(c.Context)
	go monitor.Run(ctx, lag.Source{Kafka: settings, Database: w.pool, Group: c.String("processor-group"), Log: log})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.server.Serve(ctx, w.listener, w.tls); err != nil {
			log.Error("the HTTP server has stopped; ingest continues", "cause", err)
		}
	}()
	return func() {
		cancel()
		<-done
		if err := w.close(); err != nil {
			log.Warn("cannot close the readers of the database", "cause", err)
		}
	}, nil
}
