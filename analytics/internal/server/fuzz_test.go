package server_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/server"
	"purchases/analytics/internal/sqlfiles"
)

// fuzzed is the handler that requests are made up for.
func fuzzed(f *testing.F) http.Handler {
	f.Helper()
	path := filepath.Join(f.TempDir(), "analytics.db")
	db, err := database.Open(f.Context(), path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	pool, err := readonly.Open(path, server.Connections())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = pool.Close() })
	queries, _ := query.Load(sqlfiles.Queries())
	s, err := server.New(server.Config{
		Pool: pool, Queries: func() (query.Catalogue, int) { return queries, 0 }, Size: func() int64 { return 1 },
		Log: slog.New(slog.DiscardHandler), LocalOnly: true,
	})
	if err != nil {
		f.Fatal(err)
	}
	return s.Handler()
}

// Whatever the request, it gets an answer that says what it is, is never the
// server's own fault, and cannot be used by another site.
func FuzzHandler(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/api/v1/queries", "", "localhost", ""},
		{"GET", "/api/v1/queries/top-items", "by=revenue&limit=5&format=csv", "127.0.0.1:8080", "text/csv"},
		{"HEAD", "/api/v1/queries/sales-over-time", "every=day&zone=Europe/Paris&since=2011-01-01", "[::1]", "*/*"},
		{"GET", "/api/v1/queries/summary", "wait_for=purchases:0:-1", "localhost", "application/json;q=0"},
		{"POST", "/api/v1/sql", "format=ndjson", "localhost", `{"sql":"SELECT 1; -- x"}`},
		{"POST", "/api/v1/sql", "", "localhost", `{"sql":"SELECT '`},
		{"GET", "/api/v1/status", "", "evil.example", ""},
		{"GET", "/", "period=week&currency=EUR&panel=revenue", "localhost", "text/html"},
		{"GET", "/queries/top-items", "by=revenue&limit=x&sort=-revenue", "localhost", "text/html"},
		{"GET", "/sql", "sql=SELECT+1", "localhost", "text/html"},
		{"POST", "/sign-in", "", "localhost", "token=x&next=//evil.example"},
		{"DELETE", "/../api/openapi.json", "%zz", "localhost", "\xff"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	handler := fuzzed(f)
	f.Fuzz(func(t *testing.T, method, path, rawQuery, host, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost/", strings.NewReader(body))
		// a stream does not end
		if err != nil || strings.HasSuffix(path, "/events") || strings.Contains(body, "text/event-stream") {
			return
		}
		r.URL = &url.URL{Path: "/" + strings.TrimPrefix(path, "/"), RawQuery: rawQuery}
		r.Host, r.RemoteAddr = host, "127.0.0.1:1"
		r.Header.Set("Accept", body)
		r.Header.Set("If-None-Match", body)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		answered := serveOne(handler, w, r)
		switch {
		case !answered: // cut off, so that it does not look whole
		case w.Code >= 500 && w.Code != http.StatusServiceUnavailable:
			t.Errorf("%d %s", w.Code, w.Body)
		case w.Code >= 400 && method != http.MethodHead &&
			!bytes.HasPrefix(w.Body.Bytes(), []byte(`{"type":"urn:purchases:problem:`)) &&
			!bytes.HasPrefix(w.Body.Bytes(), []byte("<!doctype html>")):
			t.Errorf("%d %s", w.Code, w.Body)
		case w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Security-Policy") == "":
			t.Errorf("%d with the headers %v", w.Code, w.Header())
		}
	})
}

// serveOne says whether the answer was sent to its end.
func serveOne(h http.Handler, w http.ResponseWriter, r *http.Request) (whole bool) {
	defer func() {
		cause := recover()
		if err, isError := cause.(error); cause != nil && (!isError || !errors.Is(err, http.ErrAbortHandler)) {
			panic(cause)
		}
	}()
	h.ServeHTTP(w, r)
	return true
}
