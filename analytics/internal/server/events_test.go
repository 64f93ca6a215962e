package server_test

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/server"
)

func TestEvents(t *testing.T) {
	a := newAPI(t)
	r, err := http.NewRequestWithContext(t.Context(), "GET", a.url+"/api/v1/queries/top-items/events?limit=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("header %v", response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	next := func(prefix string) string {
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return text
			}
		}
		t.Fatalf("the stream ends before %q: %v", prefix, lines.Err())
		return ""
	}
	if data := next("data: "); !strings.Contains(data, `"item":"A"`) {
		t.Errorf("first answer %s", data)
	}
	a.db.MustExec(`UPDATE stats_item SET units_sold = 99 WHERE item_id = 3`)
	a.db.MustExec(`UPDATE internal_partitions SET next_offset = 7 WHERE partition = 0`)
	id := next("id: ")
	if data := next("data: "); !strings.Contains(data, `"item":"C"`) || !strings.Contains(data, `"0":7`) {
		t.Errorf("second answer %s", data)
	}
	if got := a.get("/api/v1/queries/top-items?limit=1"); got.Header.Get("ETag") != id {
		t.Errorf("the event's id is %s, the answer's tag %s", id, got.Header.Get("ETag"))
	}
}

// However fast the database changes, events come no faster than the rate.
func TestEventsComeNoFasterThanTheirRate(t *testing.T) {
	t.Parallel()
	const interval = 200 * time.Millisecond
	a := newAPI(t, func(c *server.Config) { c.EventInterval = interval })
	response, err := http.Get(a.url + "/api/v1/queries/top-items/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	stop := a.keepChanging()
	defer stop()
	began, events := time.Now(), 0
	for lines := bufio.NewScanner(response.Body); events < 4 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data: ") {
			events++
		}
	}
	if least := 3 * interval * 9 / 10; events != 4 || time.Since(began) < least {
		t.Errorf("%d events in %s, want 4 in %s or more", events, time.Since(began), least)
	}
}

// keepChanging moves the stored offset all the time, as an ingest does.
func (a *api) keepChanging() (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
				a.db.MustExec(`UPDATE internal_partitions SET next_offset = next_offset + 1 WHERE partition = 0`)
				a.db.MustExec(`UPDATE stats_item SET units_sold = units_sold + 1 WHERE item_id = 1`)
			}
		}
	}()
	return func() { close(ended); <-done }
}

// A listener that does not read is dropped. All the while the database can be
// written, and its log emptied, which no reader holds.
func TestSlowListenerIsDropped(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	s, err := server.New(a.config)
	if err != nil {
		t.Fatal(err)
	}
	dropped := make(chan struct{})
	listening := httptest.NewUnstartedServer(s.Handler())
	listening.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(dropped)
		}
	}
	listening.Start()
	t.Cleanup(listening.Close)
	conn, err := net.Dial("tcp", listening.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write([]byte("GET /api/v1/queries/large/events HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	written, emptied := 0, 0
	for deadline := time.After(time.Minute); ; {
		select {
		case <-dropped:
			if written == 0 || emptied == 0 {
				t.Errorf("meanwhile the database was written %d times, its log emptied %d times", written, emptied)
			}
			return
		case <-deadline:
			t.Fatal("the listener was not dropped")
		case <-time.After(5 * time.Millisecond):
		}
		a.db.MustExec(`UPDATE internal_partitions SET next_offset = next_offset + 1 WHERE partition = 0`)
		a.db.MustExec(`UPDATE items SET item_name = hex(randomblob(8))`)
		written++
		done, err := a.db.Truncate(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			emptied++
		}
	}
}
