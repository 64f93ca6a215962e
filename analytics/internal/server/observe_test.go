package server_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"purchases/analytics/internal/server"
)

func TestRequestsAndQueriesAreObserved(t *testing.T) {
	answered, asked := make(chan string, 10), make(chan string, 10)
	a := newAPI(t, func(c *server.Config) {
		c.Answered = func(route string, status int, _ time.Duration) { answered <- fmt.Sprint(route, " ", status) }
		c.Asked = func(query string, _ time.Duration) { asked <- query }
	})
	for _, test := range []struct{ method, path, route, query string }{
		{http.MethodGet, "/api/v1/queries/top-items", "GET /api/v1/queries/{name} 200", "top-items"},
		{http.MethodGet, "/api/v1/sql?sql=SELECT%201", "GET /api/v1/sql 200", "sql"},
		{http.MethodGet, "/api/v1/queries/nothing", "GET /api/v1/queries/{name} 404", ""},
		{http.MethodGet, "/nowhere", "none 404", ""},
		{http.MethodPut, "/api/v1/status", "none 405", ""},
	} {
		a.do(test.method, test.path, "")
		if got := <-answered; got != test.route {
			t.Errorf("%s: got %s, want %s", test.path, got, test.route)
		}
		if test.query == "" {
			continue
		}
		if got := <-asked; got != test.query {
			t.Errorf("%s: got the query %s, want %s", test.path, got, test.query)
		}
	}
}
