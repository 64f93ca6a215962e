package server_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/server"
)

// While very many clients send nothing, others are answered; a stop does not
// wait for them.
func TestSlowClientsAndStop(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	listener, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Listen(listener.Addr().String()); err == nil ||
		!strings.Contains(err.Error(), "the address is in use") {
		t.Errorf("a port that is taken: %v", err)
	}
	s, err := server.New(a.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener, server.TLS{}) }()
	for range 2000 { // more than may be open at a time
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := conn.Write([]byte("GET /api/v1/queries HTTP/1.1\r\nHost: localhost\r\nX")); err != nil {
			t.Fatal(err)
		}
	}
	a.url = "http://" + listener.Addr().String()
	if got := a.get("/api/v1/queries/top-items"); got.StatusCode != 200 {
		t.Errorf("beside slow clients: %s", got.Status)
	}
	stream, err := http.Get(a.url + "/api/v1/queries/top-items/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	cancel()
	if err := <-served; err != nil { // as when the time for a stop is over
		t.Error(err)
	}
}

// Clients that ask for much and read nothing hold up others for no longer than
// a query may take.
func TestSlowReadersAreCutOff(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for range 2 * server.Connections() {
		conn, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := conn.Write([]byte("GET /api/v1/queries/huge?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); a.get("/api/v1/queries/top-items").StatusCode != http.StatusOK; {
		if time.Now().After(deadline) {
			t.Fatal("nobody else is answered")
		}
	}
}
