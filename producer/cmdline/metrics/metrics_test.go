package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestMetricsOfEveryProgram(t *testing.T) {
	w := get(Handler(NewRegistry("shop"), nil), "GET", "/metrics")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `purchases_build_info{`) ||
		!strings.Contains(w.Body.String(), `program="shop"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	problems, err := promlint.New(w.Body).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestHealth(t *testing.T) {
	var reasons []string
	h := Handler(NewRegistry("shop"), func() []string { return reasons })
	if w := get(h, "GET", "/readyz"); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
	reasons = []string{"Kafka is away", "the disk is full"}
	if w := get(h, "GET", "/readyz"); w.Code != http.StatusServiceUnavailable ||
		w.Body.String() != "Kafka is away\nthe disk is full\n" {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
	if w := get(h, "GET", "/livez"); w.Code != http.StatusOK {
		t.Errorf("alive: %d %s", w.Code, w.Body)
	}
	if w := get(h, "POST", "/livez"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
