package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/server"
)

// sendRaw sends a request and closes the sending side of the connection.
func sendRaw(t *testing.T, address, request string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("%q: %v", request, err)
	}
	return response.StatusCode, string(text)
}

// A request that ends early gets an answer or a problem, and never a success
// without a body.
func TestHalfClosedRequests(t *testing.T) {
	a := newAPI(t)
	address := serve(t, a.config)
	const head = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	for _, path := range []string{
		"/api/v1/queries", "/api/v1/queries/top-items", "/api/v1/queries/top-items?limit=3&format=csv",
		"/api/v1/queries/endless", "/api/v1/status",
		"/api/openapi.json", "/api/v1/queries/top-items?wait_for=analytics:1:4", "/api/v1/sql?sql=SELECT+1",
		"/api/v1/queries/top-items/events", "/", "/queries/top-items", "/sql?sql=SELECT+1",
	} {
		if status, body := sendRaw(t, address, "GET "+path+head+"\r\n"); status < 400 && body == "" {
			t.Errorf("%s: %d without a body", path, status)
		}
	}
	for body, length := range map[string]string{`{"sql":"SELECT 1"`: "18", "": "18", `{"sql":"SELECT 1"}`: "18"} {
		request := "POST /api/v1/sql" + head + "Content-Type: application/json\r\nContent-Length: " + length + "\r\n\r\n" +
			body
		status, answer := sendRaw(t, address, request)
		if whole := len(body) == 18; answer == "" || !whole && status != 400 {
			t.Errorf("%q of %s bytes: %d %q", body, length, status, answer)
		}
	}
}

func TestHeadOfEventsEnds(t *testing.T) {
	a := newAPI(t)
	for range 100 { // more than may listen at a time
		got := a.do(http.MethodHead, "/api/v1/queries/top-items/events", "")
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s %v", got.Status, got.Header)
		}
	}
}

// Clients that hold connections open without asking anything shut nobody out.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	a := newAPI(t)
	address := serve(t, a.config)
	began := time.Now()
	for range 1200 { // more than may be open at a time
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "HEAD /api/v1/queries HTTP/1.1\r\nHost: localhost\r\n\r\n") // and then idle
	}
	a.url = "http://" + address
	if got := a.get("/api/v1/queries/top-items"); got.StatusCode != 200 {
		t.Errorf("%s after %s", got.Status, time.Since(began))
	}
}

// Clients that do not read their answers hold no turn of others.
func TestClientsThatDoNotReadHoldNoTurn(t *testing.T) {
	a := newAPI(t)
	address := serve(t, a.config)
	for range 2 * server.Connections() {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET /api/v1/queries/large HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	a.url = "http://" + address
	if got := a.get("/api/v1/queries/top-items"); got.StatusCode != 200 || !strings.Contains(got.body, `"row_count"`) {
		t.Errorf("%s", got.Status)
	}
}
