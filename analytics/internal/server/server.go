// Package server answers the canned queries and SELECTs over HTTP, under
// /api/v1. It only reads the database, on connections of its own, and bounds
// what it does at a time: who comes beyond that is told to try again. Nothing
// that a client does, or leaves undone, holds up who writes the database.
//
// Under / it shows the same to people, see package page. It knows nothing of
// Kafka.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/page"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/producer/cmdline"
)

// Limits of the server.
const (
	sqlAtOnce     = 2 // SELECTs of clients that run at a time
	waitersAtOnce = 64
	streamsAtOnce = 64
	queueTime     = 2 * time.Second // that a query waits for its turn
	queueLength   = 512             // queries that wait for their turn

	timeLimit   = 5 * time.Second  // of a query or a SELECT
	sendTime    = 5 * time.Second  // in which a client takes an answer of more than firstBytes
	waitLimit   = 10 * time.Second // of wait_for
	maxRows     = 10_000           // of a SELECT
	maxBody     = 64 << 10         // bytes of a request
	maxHeader   = 32 << 10         // bytes of a request's header
	maxOpen     = 1024             // connections
	headerTime  = 5 * time.Second  // in which a client sends its header
	requestTime = 10 * time.Second // in which it sends the whole request
	answerTime  = 30 * time.Second // in which it takes the answer
	idleTime    = 60 * time.Second // between two requests
	stopTime    = 10 * time.Second // for answers under way when the server stops
)

// cannedAtOnce is how many canned queries run at a time. More than there are
// processors would only take time from the process that stores events.
func cannedAtOnce() int { return max(runtime.GOMAXPROCS(0), 2) }

// Connections to the database are what the server needs: one for each query
// that runs at a time, and one for those who wait for a change.
func Connections() int { return cannedAtOnce() + sqlAtOnce + 1 }

// Config says what to serve.
type Config struct {
	// Pool has [Connections] connections.
	Pool *readonly.Pool
	// Queries returns what can be asked, and a number that changes with it. It
	// is called for each request.
	Queries func() (query.Catalogue, int)
	// Size returns the size of the database in bytes.
	Size func() int64
	// Kafka returns what Kafka said last; nil when nobody asks it. It is called
	// for each answer.
	Kafka func() lag.View
	// Operations answers /metrics, /livez and /readyz; nil when nothing does.
	Operations http.Handler
	// Token is what clients must show as "Authorization: Bearer TOKEN"; empty
	// when they need not.
	Token string
	// LocalOnly refuses requests for other hosts than this machine, so that a
	// web page cannot reach the server by a name that it makes point here.
	LocalOnly bool
	// Replaying says how far a running replay of the database is, nil where none
	// runs; nil itself when nobody knows. It is called for each look at that page.
	Replaying func(context.Context) *page.Replay
	// Origins are the sites whose pages may read the API, such as
	// "https://grafana.example"; "*" means every site.
	Origins []string
	// NoSQL answers no SELECTs of clients.
	NoSQL bool
	// EventInterval is the least time between two events of a stream; 0 means
	// a second.
	EventInterval time.Duration
	// Asked is told of each query that was run, by its name or "sql", and
	// Answered of each request. Nil ones are not.
	Asked    func(query string, took time.Duration)
	Answered func(route string, status int, took time.Duration)
	Log      *slog.Logger
}

// Server is an HTTP API for one database.
type Server struct {
	Config
	canned, sql      *limiter
	waiters, streams *quota
	sending          *quota // bytes
	answers          answerCache
	known            atomic.Pointer[catalogSnapshot]
	connections      *connections
	pages            *page.Renderer
	stopping         context.Context
	stop             context.CancelFunc
}

// New returns a server that does not listen yet.
func New(c Config) (*Server, error) {
	catalog, err := c.newCatalog(c.Queries())
	if err != nil {
		return nil, err
	}
	pages, err := page.New()
	if err != nil {
		return nil, err
	}
	if c.EventInterval == 0 {
		c.EventInterval = time.Second
	}
	s := &Server{
		Config: c,
		canned: newLimiter(cannedAtOnce(), queueLength), sql: newLimiter(sqlAtOnce, sqlAtOnce),
		waiters: newQuota(waitersAtOnce), streams: newQuota(streamsAtOnce), sending: newQuota(maxSendBytes),
		connections: newConnections(maxOpen), pages: pages,
	}
	s.known.Store(catalog)
	s.stopping, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Handler returns the API, with its guards.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	compressed := func(h handler) http.Handler { return gzhttp.GzipHandler(s.handle(h)) }
	mux.Handle("GET /api/v1/queries", compressed(s.listQueries))
	mux.Handle("GET /api/v1/queries/{name}", compressed(s.answerQuery))
	mux.Handle("GET /api/v1/queries/{name}/events", s.handle(s.streamQuery))
	if !s.NoSQL {
		mux.Handle("POST /api/v1/sql", compressed(s.answerSQL))
		mux.Handle("GET /api/v1/sql", compressed(s.getSQL))
	}
	mux.Handle("GET /api/v1/status", compressed(s.showStatus))
	mux.Handle("GET /api/openapi.json", compressed(s.showDocument))
	if s.Operations != nil {
		for _, path := range []string{"/metrics", "/livez", "/readyz"} {
			mux.Handle("GET "+path, s.Operations)
		}
	}
	s.pageRoutes(mux, compressed)
	return s.connections.busy(s.guard(mux))
}

// Listen opens the address for the server. It is apart from Serve so that a
// program learns that the address is taken before it begins other work.
func Listen(address string) (net.Listener, error) {
	listener, err := cmdline.Listen(context.Background(), address, "http")
	if err != nil {
		return nil, fmt.Errorf("serve HTTP: %w", err)
	}
	return listener, nil
}

// IsLoopback says whether only this machine can reach the listener.
func IsLoopback(l net.Listener) bool {
	address, ok := l.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// TLS names the files of a certificate and its key. The zero value means plain
// HTTP.
type TLS struct{ Certificate, Key string }

// Serve answers requests until ctx ends, then finishes those under way, and
// closes the listener. A stop is no error.
func (s *Server) Serve(ctx context.Context, listener net.Listener, t TLS) error {
	server := &http.Server{
		Handler: s.Handler(), MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
		ConnState: s.connections.changed, ConnContext: s.connections.context,
		ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
	}
	server.RegisterOnShutdown(s.stop)
	ended := make(chan error, 1)
	go func() { ended <- serve(server, listener, t) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		return errors.Join(fmt.Errorf("stop serving HTTP on %s: %w", listener.Addr(), err), server.Close())
	}
	return nil
}

func serve(server *http.Server, listener net.Listener, t TLS) error {
	if t == (TLS{}) {
		return server.Serve(listener)
	}
	return server.ServeTLS(listener, t.Certificate, t.Key)
}
