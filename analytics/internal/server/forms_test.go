package server_test

import (
	"net/url"
	"strings"
	"testing"

	"purchases/analytics/internal/server"
)

func TestFormsOfAnAnswer(t *testing.T) {
	a := newAPI(t)
	for _, test := range []struct{ path, contentType, disposition, want string }{
		{"/api/v1/queries/top-items.csv?limit=1", "text/csv; charset=utf-8; header=present",
			`attachment; filename="top-items.csv"`, "A,Apple,GBP,30"},
		{"/api/v1/queries/top-items.md?limit=1", "text/markdown; charset=utf-8", `inline; filename="top-items.md"`, "| A "},
		{"/api/v1/queries/top-items.ndjson?limit=1&money=number", "application/x-ndjson",
			`attachment; filename="top-items.ndjson"`, `"revenue":9.00,`},
		{"/api/v1/queries/top-items?limit=1&money=number", "application/json", `inline; filename="top-items.json"`,
			`"revenue":9.00,`},
		{"/api/v1/queries/top-items?limit=1&money=string", "application/json", `inline; filename="top-items.json"`,
			`"revenue":"9.00",`},
		{"/api/v1/sql?sql=" + url.QueryEscape("SELECT 1 AS n"), "application/json", `inline; filename="sql.json"`,
			`"rows":[{"n":1}]`},
		{"/api/v1/sql?format=csv&sql=" + url.QueryEscape("SELECT 1 AS n"), "text/csv; charset=utf-8; header=present",
			`attachment; filename="sql.csv"`, "n\n1\n"},
	} {
		got := a.get(test.path)
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != test.contentType ||
			got.Header.Get("Content-Disposition") != test.disposition || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %s %v\n%s", test.path, got.Status, got.Header, got.body)
		}
	}
	for _, path := range []string{"/api/v1/sql?sql=DELETE+FROM+items", "/api/v1/sql?sql="} {
		if got := a.get(path); got.StatusCode != 422 {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestBrowsersAreLedToThePage(t *testing.T) {
	a := newAPI(t)
	for path, want := range map[string]string{
		"/api/v1/queries/top-items?limit=3":            "/queries/top-items?limit=3",
		"/api/v1/queries":                              "/queries",
		"/api/v1/sql?sql=SELECT+1":                     "/sql?sql=SELECT+1",
		"/api/v1/queries/top-items.json":               "",
		"/api/v1/queries/top-items?limit=3&format=csv": "",
	} {
		got := a.get(path, "Accept", browser)
		if got.Header.Get("Location") != want || (want != "") != (got.StatusCode == 303) {
			t.Errorf("%s: %s to %q, want %q", path, got.Status, got.Header.Get("Location"), want)
		}
	}
}

func TestOtherOrigins(t *testing.T) {
	const friend, stranger = "https://grafana.example", "https://evil.example"
	a := newAPI(t, func(c *server.Config) { c.Origins = []string{friend} })
	for origin, allowed := range map[string]string{friend: friend, stranger: ""} {
		got := a.get("/api/v1/queries/top-items", "Origin", origin, "Sec-Fetch-Site", "cross-site")
		if got.StatusCode != 200 || got.Header.Get("Access-Control-Allow-Origin") != allowed ||
			got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("from %s: %s %v", origin, got.Status, got.Header)
		}
		ask := a.do("OPTIONS", "/api/v1/sql", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		if (ask.StatusCode == 204) != (allowed != "") {
			t.Errorf("OPTIONS from %s: %s", origin, ask.Status)
		}
		for _, got := range []answer{
			a.sql("SELECT 1", "Origin", origin, "Sec-Fetch-Site", "cross-site"),
			a.get("/api/v1/sql?sql=SELECT+1", "Origin", origin, "Sec-Fetch-Site", "cross-site"),
		} {
			if (got.StatusCode == 200) != (allowed != "") || (got.StatusCode == 403) == (allowed != "") {
				t.Errorf("SQL from %s: %s", origin, got.Status)
			}
		}
	}
	if got := a.get("/api/v1/sql?sql=SELECT+1", "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
		t.Errorf("an image of another site: %s", got.Status)
	}
}

func TestNoSQL(t *testing.T) {
	a := newAPI(t, func(c *server.Config) { c.NoSQL = true })
	if got := a.sql("SELECT 1"); got.StatusCode != 404 {
		t.Errorf("POST: %s", got.Status)
	}
	if got := a.get("/api/v1/sql?sql=SELECT+1"); got.StatusCode != 404 {
		t.Errorf("GET: %s", got.Status)
	}
}
