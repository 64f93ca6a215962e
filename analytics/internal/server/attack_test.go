package server_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"purchases/analytics/internal/server"
)

// serve serves as the programs do, until the test ends, and returns the address.
func serve(t *testing.T, config server.Config) (address string) {
	t.Helper()
	listener, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener, server.TLS{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// Requests that no HTTP library would send get an error, and the server continues.
func TestRequestsThatNobodyShouldSend(t *testing.T) {
	a := newAPI(t, func(c *server.Config) { c.LocalOnly = true })
	address := serve(t, a.config)
	const get = "GET /api/v1/queries/top-items HTTP/1.1\r\n"
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"an ordinary one", get + "Host: localhost\r\n\r\n", 200},
		{"a huge header", get + "Host: localhost\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n", 431},
		{"very many headers", get + "Host: localhost\r\n" + strings.Repeat("X: x\r\n", 20_000) + "\r\n", 431},
		{"a huge URL", "GET /?" + strings.Repeat("x", 100_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
		{"two hosts", get + "Host: localhost\r\nHost: evil.example\r\n\r\n", 400},
		{"no host", get + "\r\n", 400},
		{"no host in HTTP/1.0", "GET /api/v1/queries HTTP/1.0\r\n\r\n", 421},
		{"another host in the URL", "GET http://evil.example/api/v1/queries HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		{"a forwarded host", get + "Host: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n", 421},
		{"two lengths", "POST /api/v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
			400},
		{"a space in a header's name", get + "Host: localhost\r\nX : x\r\n\r\n", 400},
		{"a NUL in a header", get + "Host: localhost\r\nX: \x00\r\n\r\n", 400},
		{"a NUL in the path", "GET /api/v1/queries/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"a path upwards", "GET /api/v1/queries/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 307},
		{"a path upwards, encoded", "GET /api/v1/queries/%2e%2e%2f%2e%2e%2fqueries HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"a backslash path", `GET /api/v1/queries/..\..\secret HTTP/1.1` + "\r\nHost: localhost\r\n\r\n", 404},
		{"a very long Accept", get + "Host: localhost\r\nAccept: " + strings.Repeat("*/*;q=0.1,", 3000) + "text/csv\r\n\r\n",
			200},
		{"a very long If-None-Match", get + "Host: localhost\r\nIf-None-Match: " + strings.Repeat(`"x",`, 7000) + "\r\n\r\n",
			200},
		{"a method that is none", "EVIL /api/v1/queries HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
		{"a proxy's method", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 421},
		{"no HTTP", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", 400},
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = conn.Write([]byte(test.request)) }() // the server may not read all of it
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if response.StatusCode != test.status {
			t.Errorf("%s: %s, want %d", test.name, response.Status, test.status)
		}
		_ = conn.Close()
	}
}
