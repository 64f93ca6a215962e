package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"purchases/analytics/internal/testkit/cluster"
)

// gate is a way to the registry that may be closed, slow, or ask for a password.
type gate struct {
	t            *testing.T
	address, url string
	proxy        http.Handler
	server       *http.Server // nil while it is closed

	mu       sync.Mutex
	password string          // of anybody, if not empty
	refused  int             // requests
	held     context.Context // requests wait for its end, if not nil
}

// newGate returns a gate that is closed: nobody listens at its address.
func newGate(t *testing.T, to *apicurio) *gate {
	t.Helper()
	port, err := cluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	origin, err := url.Parse(to.origin)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, address: fmt.Sprintf("127.0.0.1:%d", port), proxy: httputil.NewSingleHostReverseProxy(origin)}
	g.url = "http://" + g.address + confluentAPI
	t.Cleanup(g.close)
	return g
}

func (g *gate) open() {
	g.t.Helper()
	listener, err := net.Listen("tcp", g.address)
	if err != nil {
		g.t.Fatal(err)
	}
	server := &http.Server{Handler: g}
	g.server = server
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			g.t.Error(err)
		}
	}()
}

// close closes all connections, too.
func (g *gate) close() {
	if g.server != nil {
		_ = g.server.Close()
		g.server = nil
	}
}

// demand has the gate ask for a password.
func (g *gate) demand(password string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.password = password
}

// hold has requests wait for release.
func (g *gate) hold() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, release = context.WithCancel(context.Background())
	g.t.Cleanup(release)
	return release
}

// refusals is how many requests came with a wrong password.
func (g *gate) refusals() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// admit says whether the request may pass, and what it waits for.
func (g *gate) admit(r *http.Request) (admitted bool, held context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, given, _ := r.BasicAuth()
	if admitted = g.password == "" || given == g.password; !admitted {
		g.refused++
	}
	return admitted, g.held
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	admitted, held := g.admit(r)
	if !admitted {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		http.Error(w, `{"error_code":401,"message":"Unauthorized"}`, http.StatusUnauthorized)
		return
	}
	if held != nil {
		select {
		case <-held.Done():
		case <-r.Context().Done():
			return
		}
	}
	g.proxy.ServeHTTP(w, r)
}
