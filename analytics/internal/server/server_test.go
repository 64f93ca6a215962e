package server_test

import (
	"compress/gzip"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/server"
	"purchases/producer/kafka"
)

func TestAnswers(t *testing.T) {
	a := newAPI(t)
	const path = "/api/v1/queries/top-items?by=revenue&limit=1"
	tests := []struct{ path, accept, contentType, prefix, suffix string }{
		{path, "", "application/json",
			`{"query":"top-items","parameters":{"by":"revenue","limit":1,"since":null,"until":null,"currency":null},"freshness":{"as_of":"`,
			`"lag":null,"offsets":{"analytics":{"0":6,"1":0}}},"columns":[{"name":"item","type":"text"},{"name":"item_name","type":"text"},{"name":"currency","type":"text"},` +
				`{"name":"units_sold","type":"integer"},{"name":"revenue","type":"money"},{"name":"purchases","type":"integer"}],` +
				`"rows":[{"item":"B","item_name":"Ball","currency":"GBP","units_sold":20,"revenue":"1234.50","purchases":2}],"row_count":1}` + "\n"},
		{path + "&format=csv", "application/json", "text/csv; charset=utf-8; header=present", "item,item_name,",
			"\nB,Ball,GBP,20,1234.50,2\n"},
		{path, "text/*;q=0.5, application/json;q=0.1", "text/csv; charset=utf-8; header=present", "item,item_name,",
			"\nB,Ball,GBP,20,1234.50,2\n"},
		{path, "application/x-ndjson", "application/x-ndjson", `{"item":"B"`, "}\n"},
		{path, "text/markdown, */*;q=0", "text/markdown; charset=utf-8", "| item |", "| 2 |\n"},
		{path, "text/html;q=0.8,*/*;q=0.8", "application/json", "{", "}\n"},
	}
	for _, test := range tests {
		got := a.get(test.path, "Accept", test.accept)
		if got.StatusCode != 200 || got.err != nil || got.Header.Get("Content-Type") != test.contentType ||
			!strings.HasPrefix(got.body, test.prefix) || !strings.HasSuffix(got.body, test.suffix) {
			t.Errorf("%s, Accept %q: %s %s\n%s", test.path, test.accept, got.Status, got.Header.Get("Content-Type"), got.body)
		}
		if got.Header.Get("Purchases-Offsets") != "analytics:0=6,analytics:1=0" ||
			got.Header.Get("Purchases-Last-Event") != "2011-02-01T00:00:00Z" || got.Header.Get("Purchases-As-Of") == "" {
			t.Errorf("%s: header %v", test.path, got.Header)
		}
	}
}

func TestProblems(t *testing.T) {
	a := newAPI(t)
	long := strings.Repeat("x", 20_000)
	tests := []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/v1/queries/top-items?limit=0", 400, `"parameter":"limit","allowed":["an integer from 1 to 10000"]`},
		{"GET", "/api/v1/queries/top-items?by=colour", 400,
			`"detail":"by \"colour\": want one of units, revenue, purchases","parameter":"by","allowed":["units","revenue","purchases"]`},
		{"GET", "/api/v1/queries/top-items?colour=red", 400,
			`"parameter":"colour","allowed":["by","limit","since","until","currency"]`},
		{"GET", "/api/v1/queries/top-items?limit=1&limit=2", 400, `"parameter":"limit"`},
		{"GET", "/api/v1/queries/top-items?limit=%zz", 400, `problem:query-string`},
		{"GET", "/api/v1/queries/top-items?limit=1;by=units", 400, `problem:query-string`},
		{"GET", "/api/v1/queries/top-items?format=xml", 400,
			`"parameter":"format","allowed":["json","ndjson","csv","markdown"]`},
		{"GET", "/api/v1/queries/top-items?wait_for=0:0", 400, `"parameter":"wait_for"`},
		{"GET", "/api/v1/queries/top-items?wait_for=analytics:-1:0", 400, `"parameter":"wait_for"`},
		{"GET", "/api/v1/queries/top-items?by=" + long, 400, `"parameter":"by"`},
		{"GET", "/api/v1/queries/top-items?" + long + "=1", 400, `problem:unknown-parameter`},
		{"GET", "/api/v1/queries/echo?word=%ff", 400, `"parameter":"word"`},
		{"GET", "/api/v1/queries/top-item", 404, `"allowed":["top-items",`},
		{"GET", "/api/v1/queries/..%2f..%2fetc%2fpasswd", 404, `problem:unknown-query`},
		{"GET", "/api/v1/queries/" + long, 404, `problem:unknown-query`},
		{"GET", "/etc/passwd", 404, `problem:not-found`},
		{"GET", "/api/v1/status?x=1", 400, `problem:unknown-parameter`},
		{"DELETE", "/api/v1/queries", 405, `"detail":"allowed are GET, HEAD"`},
		{"PUT", "/api/v1/sql", 405, `"detail":"allowed are GET, HEAD, POST"`},
		{"GET", "/api/v1/sql", 400, `"parameter":"sql"`},
		{"GET", "/api/v1/queries/top-items?money=pounds", 400, `"parameter":"money","allowed":["string","number"]`},
		{"GET", "/api/v1/queries/early", 500, `"detail":"the server's log has the cause"`},
	}
	for _, test := range tests {
		got := a.do(test.method, test.path, "")
		if got.StatusCode != test.status || got.Header.Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(got.body, test.want) || len(got.body) > 2000 {
			t.Errorf("%s %.80s: %s %s\n%.500s", test.method, test.path, got.Status, got.Header.Get("Content-Type"), got.body)
		}
	}
	if got := a.get("/api/v1/queries/top-items", "Accept", "image/png"); got.StatusCode != 406 {
		t.Errorf("Accept image/png: %s %s", got.Status, got.body)
	}
	if got := a.get("/api/v1/../v1/queries"); got.StatusCode != 307 && got.StatusCode != 301 ||
		got.Header.Get("Location") != "/api/v1/queries" {
		t.Errorf("an unclean path: %s %v", got.Status, got.Header)
	}
}

func TestSQL(t *testing.T) {
	a := newAPI(t)
	got := a.sql("SELECT item, purchases FROM item_sales ORDER BY item LIMIT 1")
	if got.StatusCode != 200 || !strings.HasSuffix(got.body, `"rows":[{"item":"A","purchases":3}],"row_count":1}`+"\n") ||
		got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s", got.Status, got.body)
	}
	for statement, want := range map[string]string{
		"DELETE FROM items": "not one SELECT", "SELECT 1; SELECT 2": "want one statement: a second follows",
		"": "there is no statement", "SELECT 1\x00": "NUL",
		"SELECT absent": "no such column: absent", "WITH x AS (SELECT 1) DELETE FROM items": "not authorized",
		"SELECT * FROM pragma_table_info('items')": "prohibited", "SELECT load_extension('x')": "not authorized",
		"SELECT zeroblob(1000000000)": "too big", "SELECT :x": "no parameters", "SELECT ?": "no parameters",
	} {
		if got := a.sql(statement); got.StatusCode != 422 || !strings.Contains(got.body, want) {
			t.Errorf("%q: %s %s", statement, got.Status, got.body)
		}
	}
	for body, status := range map[string]int{
		`{"sql":1}`: 400, `{`: 400, `{}`: 400, `{"sql":"SELECT 1","x":1}`: 400, `{"sql":"SELECT 1","sql":"SELECT 2"}`: 400,
		`{"sql":"` + strings.Repeat("x", 100_000) + `"}`: 413,
	} {
		if got := a.do("POST", "/api/v1/sql", body, "Content-Type", "application/json"); got.StatusCode != status {
			t.Errorf("%.40s: %s %s", body, got.Status, got.body)
		}
	}
	if got := a.do("POST", "/api/v1/sql", `{"sql":"SELECT 1"}`, "Content-Type", "text/plain"); got.StatusCode != 415 {
		t.Errorf("text/plain: %s %s", got.Status, got.body)
	}
}

// An answer that fails in its middle, or has too many rows, is a problem and no
// short answer.
func TestIncompleteAnswers(t *testing.T) {
	a := newAPI(t)
	const numbers = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 10001) SELECT n FROM r"
	for _, format := range []string{"json", "ndjson", "csv", "markdown"} {
		if got := a.get("/api/v1/queries/half?format=" + format); got.StatusCode != 500 || got.err != nil {
			t.Errorf("%s of a query that fails: %s, %d bytes, %v", format, got.Status, len(got.body), got.err)
		}
		if got := a.get("/api/v1/queries/huge?format=" + format); got.StatusCode != 422 ||
			!strings.Contains(got.body, "ask for fewer rows") {
			t.Errorf("%s of a large answer: %s %.200s", format, got.Status, got.body)
		}
		got := a.do("POST", "/api/v1/sql?format="+format, `{"sql":`+quote(numbers)+`}`, "Content-Type", "application/json")
		if got.StatusCode != 422 || !strings.Contains(got.body, "the limit is 10000") {
			t.Errorf("%s of too many rows: %s, %d bytes, %v", format, got.Status, len(got.body), got.err)
		}
	}
	got := a.do("POST", "/api/v1/sql", `{"sql":`+quote(strings.Replace(numbers, "10001", "10000", 1))+`}`, "Content-Type",
		"application/json")
	if got.err != nil || !strings.HasSuffix(got.body, `"row_count":10000}`+"\n") {
		t.Errorf("all rows that are allowed: %d bytes, %v", len(got.body), got.err)
	}
}

func TestConditionalRequests(t *testing.T) {
	a := newAPI(t)
	first := a.get("/api/v1/queries/top-items")
	tag := first.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) || first.Header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("header %v", first.Header)
	}
	for _, given := range []string{tag, "*", `"x", ` + tag, strings.TrimPrefix(tag, "W/")} {
		if got := a.get("/api/v1/queries/top-items", "If-None-Match", given); got.StatusCode != 304 || got.body != "" ||
			got.Header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %s %q", given, got.Status, got.body)
		}
	}
	for _, other := range []string{"/api/v1/queries/top-items?limit=1", "/api/v1/queries/top-items?format=csv",
		"/api/v1/queries/top-users"} {
		if got := a.get(other, "If-None-Match", tag); got.StatusCode != 200 {
			t.Errorf("%s has the same tag", other)
		}
	}
	a.db.MustExec(`UPDATE internal_partitions SET next_offset = 7 WHERE partition = 0`)
	if got := a.get("/api/v1/queries/top-items", "If-None-Match", tag); got.StatusCode != 200 {
		t.Errorf("after a change: %s", got.Status)
	}
	if got := a.do("HEAD", "/api/v1/queries/top-items", ""); got.StatusCode != 200 || got.body != "" ||
		got.Header.Get("ETag") == "" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %s %v", got.Status, got.Header)
	}
}

// What several ask at one time is answered once, until the database changes.
func TestAnswersAreKeptUntilTheNextChange(t *testing.T) {
	a := newAPI(t)
	same := 0
	for range 20 { // two answers may be more than a second apart
		first, second := a.get("/api/v1/queries/top-items?limit=1"), a.get("/api/v1/queries/top-items?limit=1")
		if first.Header.Get("Purchases-As-Of") == second.Header.Get("Purchases-As-Of") && first.body == second.body {
			same++
		}
	}
	if same == 0 {
		t.Error("no answer was kept")
	}
	if other := a.get("/api/v1/queries/top-items?limit=2"); !strings.HasSuffix(other.body, `"row_count":2}`+"\n") {
		t.Errorf("with other parameters: %s", other.body)
	}
	if other := a.get("/api/v1/queries/top-items?limit=1&format=csv"); !strings.HasPrefix(other.body, "item,") {
		t.Errorf("in another format: %s", other.body)
	}
	a.db.MustExec(`UPDATE items SET item_name = 'Apricot' WHERE item_id = 1`)
	a.db.MustExec(`UPDATE internal_partitions SET next_offset = 7 WHERE partition = 0`)
	if got := a.get("/api/v1/queries/top-items?limit=1"); !strings.Contains(got.body, "Apricot") ||
		!strings.Contains(got.body, `"0":7`) {
		t.Errorf("after a change: %s", got.body)
	}
}

func TestGzip(t *testing.T) {
	a := newAPI(t)
	plain := a.get("/api/v1/queries")
	got := a.get("/api/v1/queries", "Accept-Encoding", "gzip")
	if got.Header.Get("Content-Encoding") != "gzip" || len(got.body) >= len(plain.body) {
		t.Fatalf("header %v, %d bytes", got.Header, len(got.body))
	}
	r, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != plain.body {
		t.Errorf("unpacked %d bytes, %v", len(text), err)
	}
}

func TestGuards(t *testing.T) {
	a := newAPI(t, func(c *server.Config) { c.LocalOnly = true })
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:9": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "127.0.0.2": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:8080": 421, "10.0.0.1": 421,
	} {
		if got := a.get("/api/v1/queries", "Host", host); got.StatusCode != status {
			t.Errorf("Host %s: %s", host, got.Status)
		}
	}
	if got := a.sql("SELECT 1", "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
		t.Errorf("from another site: %s", got.Status)
	}
	got := a.get("/api/v1/queries")
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Access-Control-Allow-Origin": ""} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	a = newAPI(t, func(c *server.Config) { c.Token = "a token of some length" })
	for header, status := range map[string]int{
		"Bearer a token of some length": 200, "bearer a token of some length": 200,
		"": 401, "Bearer": 401, "Bearer a token of some lengt": 401, "Basic a token of some length": 401,
		"a token of some length": 401,
	} {
		got := a.get("/api/v1/queries", "Authorization", header)
		if got.StatusCode != status || (status == 401) != (got.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("Authorization %q: %s", header, got.Status)
		}
	}
}

func TestLag(t *testing.T) {
	since := time.UnixMilli(1_000_000_000).UTC()
	view := lag.View{
		Reachable: true, Since: since,
		Ends: lag.Ends{
			{Topic: "analytics"}: {LastRecord: 9, HighWatermark: 11},
			{Topic: "analytics", Partition: 1}: {
				LastRecord: -1, HighWatermark: 1, Open: &kafka.OpenTransaction{Offset: 0, Since: since},
			},
		},
		Backlog: &lag.Backlog{Input: lag.Input{Topic: "purchases", Group: "processor"}, Lag: 12},
	}
	a := newAPI(t, func(c *server.Config) { c.Kafka = func() lag.View { return view } })
	if got := a.get("/api/v1/queries/top-items"); got.Header.Get("Purchases-Lag") != "6" ||
		!strings.Contains(got.body, `"lag":6,`) {
		t.Errorf("%v %s", got.Header, got.body)
	}
	if got := a.get("/api/v1/status"); !strings.Contains(got.body,
		`"database_bytes":7,"events_since":null,"kafka":{"reachable":true,"since":"1970-01-12T13:46:40Z"},`+
			`"processor":{"topic":"purchases","group":"processor","running":0,"lag":12,"oldest_waiting":null},"lag":6,"partitions":[{"topic":"analytics","partition":0,"next_offset":6,"high_watermark":11,"lag":5,"last_event":"2011-02-01T00:00:00Z"`) ||
		!strings.Contains(got.body, `"open_transaction":{"offset":0,"since":"1970-01-12T13:46:40Z"}`) {
		t.Errorf("%s", got.body)
	}
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	answered := make(chan answer)
	go func() { answered <- a.get("/api/v1/queries/top-items?wait_for=analytics:1:4") }()
	a.db.MustExec(`UPDATE internal_partitions SET next_offset = 4 WHERE partition = 1`)
	select {
	case got := <-answered:
		t.Fatalf("answered before the offset was in: %s", got.body)
	case <-time.After(60 * time.Millisecond):
	}
	a.db.MustExec(`UPDATE internal_partitions SET next_offset = 5 WHERE partition = 1`)
	if got := <-answered; got.StatusCode != 200 ||
		!strings.Contains(got.Header.Get("Purchases-Offsets"), "analytics:1=5") {
		t.Errorf("%s %v", got.Status, got.Header)
	}
}

// Who has produced a purchase knows only where it stands on the topic that the
// processor reads.
func TestWaitForTheResultOfASource(t *testing.T) {
	a := newAPI(t)
	answered := make(chan answer)
	go func() { answered <- a.get("/api/v1/queries/top-items?wait_for=purchases:2:9") }()
	a.db.MustExec(`INSERT INTO internal_sources VALUES ('purchases', 2, 0, x'ff01')`)
	select {
	case got := <-answered:
		t.Fatalf("answered before the result was in: %s", got.body)
	case <-time.After(60 * time.Millisecond):
	}
	a.db.MustExec(`UPDATE internal_sources SET results = x'ff03'`)
	if got := <-answered; got.StatusCode != 200 {
		t.Errorf("%s %s", got.Status, got.body)
	}
}

// Beyond what runs at a time and waits for its turn, a client is told to try
// again, and everything works again afterwards.
func TestOverload(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var wait sync.WaitGroup
	answers := make(chan answer, 8)
	for range cap(answers) {
		wait.Go(func() {
			answers <- a.sql("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r")
		})
	}
	canned := a.get("/api/v1/queries/top-items")
	wait.Wait()
	close(answers)
	counts := map[int]int{}
	for got := range answers {
		counts[got.StatusCode]++
		if got.StatusCode == 503 && got.Header.Get("Retry-After") == "" {
			t.Errorf("%v %s", got.Header, got.body)
		}
	}
	if counts[422] != 2 || counts[503] != 6 || canned.StatusCode != 200 {
		t.Errorf("statuses %v, of a canned query beside them %s", counts, canned.Status)
	}
	if got := a.sql("SELECT 1"); got.StatusCode != 200 {
		t.Errorf("afterwards: %s", got.Status)
	}
}
