package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/server"
	"purchases/analytics/internal/sqlfiles"
)

// extra are queries beside the program's own: one that fails in its middle, some
// that have no end or a large answer, and one with a text.
var extra = fstest.MapFS{
	"half.sql": {Data: []byte("-- title: Half\n-- column n: integer\n" +
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 20000)\nSELECT iif(n < 20000, n, 'x') AS " +
		"n FROM r")},
	"early.sql": {Data: []byte("-- title: Early\n-- column n: integer\nSELECT 'x' AS n")},
	"endless.sql": {Data: []byte("-- title: Endless\n-- column n: integer\nWITH RECURSIVE r(n) AS (SELECT 1 UNION ALL " +
		"SELECT n + 1 FROM r) SELECT max(n) AS n FROM r")},
	"large.sql": {Data: []byte("-- title: Large\n-- column word: text\nWITH RECURSIVE r(n) AS (SELECT 1 UNION ALL " +
		"SELECT n + 1 FROM r WHERE n < 14)\nSELECT replace(hex(zeroblob(125000)), '0', 'x') || (SELECT item_name FROM " +
		"items) AS word FROM r")},
	"huge.sql": {Data: []byte("-- title: Huge\n-- column word: text\nWITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT " +
		"n + 1 FROM r)\nSELECT replace(hex(zeroblob(125000)), '0', 'x') AS word FROM r")},
	"echo.sql": {Data: []byte("-- title: Echo\n-- param word: text\n-- column word: text\nSELECT :word AS word")},
}

// api is a server over a database of its own.
type api struct {
	*testing.T
	url    string
	db     *database.Database
	config server.Config
}

func newAPI(t *testing.T, change ...func(*server.Config)) *api {
	t.Helper()
	path := filepath.Join(t.TempDir(), "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.MustExec(`INSERT INTO items (item_id, item, item_name) VALUES (1, 'A', 'Apple'), (2, 'B', 'Ball'), (3, 'C', '=1+1')`)
	db.MustExec(`INSERT INTO stats_item VALUES (1, 'GBP', 3, 0, 30, 0, 9000000, 0, 1), (2, 'GBP', 2, 0, 20, 0, 1234500000,
		0, 1), (3, 'EUR', 1, 0, 10, 0, 2000000, 0, 1)`)
	db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset, latest_event_at, stored_at, records)
		VALUES
		('analytics', 0, 6, 1296518400000, 1296518401000, 6), ('analytics', 1, 0, NULL, NULL, 0)`)
	queries := catalogue(t)
	config := server.Config{Queries: func() (query.Catalogue, int) { return queries, 0 }, Size: func() int64 { return 7 },
		Log: slog.New(slog.DiscardHandler), EventInterval: 10 * time.Millisecond,
		Answered: func(string, int, time.Duration) {}}
	if config.Pool, err = readonly.Open(path, server.Connections()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = config.Pool.Close() })
	for _, set := range change {
		set(&config)
	}
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(s.Handler())
	t.Cleanup(listening.Close)
	return &api{t, listening.URL, db, config}
}

func catalogue(t *testing.T) query.Catalogue {
	t.Helper()
	own, faults := query.Load(sqlfiles.Queries())
	others, moreFaults := query.Load(extra)
	if len(faults)+len(moreFaults) > 0 {
		t.Fatal(faults, moreFaults)
	}
	return own.With(others)
}

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body string
	err  error // of reading the body
}

// do sends a request; header lists names and values in turn.
func (a *api) do(method, path, body string, header ...string) answer {
	a.Helper()
	r, err := http.NewRequestWithContext(a.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		a.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response, string(text), err}
}

func (a *api) get(path string, header ...string) answer {
	a.Helper()
	return a.do(http.MethodGet, path, "", header...)
}

func (a *api) sql(statement string, header ...string) answer {
	a.Helper()
	return a.do(http.MethodPost, "/api/v1/sql", `{"sql":`+quote(statement)+`}`,
		append([]string{"Content-Type", "application/json"}, header...)...)
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\x00", `\u0000`).Replace(s) + `"`
}
