package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"purchases/analytics/internal/server"
)

func TestPages(t *testing.T) {
	a := newAPI(t)
	for path, want := range map[string]string{
		"/": "<h1>Overview</h1>", "/queries": `<a href="/queries/top-items">`,
		"/queries/top-items?by=revenue&limit=2": "analytics query top-items --by revenue --limit 2",
		"/sql":                                  "item_sales", "/sql?sql=SELECT+41%2B1+AS+n": ">42<",
		"/dead-letters": "Dead letters", "/replays": "Replays",
		"/queries/top-items?panel=table": `<section class="panel w12 is-table"`,
	} {
		got := a.get(path, "Accept", browser)
		if got.StatusCode != 200 || got.err != nil || !strings.Contains(got.body, want) ||
			got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %s %v\n%.300s", path, got.Status, got.err, got.body)
		}
		policy := got.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if strings.Contains(got.body, " style=") || strings.Contains(got.body, "<script>") {
			t.Errorf("%s has inline style or script", path)
		}
	}
}

func TestPagesThatSayWhatIsWrong(t *testing.T) {
	a := newAPI(t)
	for path, test := range map[string]struct {
		status int
		want   string
	}{
		"/queries/top-item":               {404, "top-items"},
		"/queries/top-items?limit=x":      {400, "want an integer from 1 to 10000"},
		"/queries/top-items?colour=red":   {400, "colour"},
		"/?limit=%zz":                     {400, "query string cannot be read"},
		"/sql?sql=DELETE+FROM+items":      {200, "not one SELECT"},
		"/sql?sql=SELECT+absent":          {200, "no such column: absent"},
		"/queries/top-items?panel=absent": {404, "no panel absent"},
	} {
		got := a.get(path, "Accept", browser)
		if got.StatusCode != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %s\n%.2000s", path, got.Status, got.body)
		}
	}
}

// The first page is small, and its files never change under their names.
func TestFirstPageIsSmall(t *testing.T) {
	const most = 150_000 // bytes on the wire
	a := newAPI(t)
	got := a.get("/", "Accept", browser, "Accept-Encoding", "gzip")
	total := len(got.body)
	whole := a.get("/", "Accept", browser)
	files := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(whole.body, -1)
	if len(files) < 4 {
		t.Fatalf("files %v", files)
	}
	for _, file := range files {
		asset := a.get(file[1], "Accept-Encoding", "gzip")
		if asset.StatusCode != 200 || !strings.Contains(asset.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s %v", file[1], asset.Status, asset.Header)
		}
		total += len(asset.body)
	}
	if total > most {
		t.Errorf("%d bytes on the wire, want at most %d", total, most)
	}
	if got := a.get("/assets/page-0000000000.css"); got.StatusCode != 404 {
		t.Errorf("another hash: %s", got.Status)
	}
}

func TestPanelsHaveTags(t *testing.T) {
	a := newAPI(t)
	const path = "/queries/top-items?panel=table"
	tag := a.get(path).Header.Get("ETag")
	if got := a.get(path, "If-None-Match", tag); tag == "" || got.StatusCode != 304 {
		t.Errorf("unchanged: %s with the tag %q", got.Status, tag)
	}
	a.db.MustExec(`UPDATE items SET item_name = 'Apricot' WHERE item_id = 1`)
	a.db.MustExec(`UPDATE internal_partitions SET next_offset = 7 WHERE partition = 0`)
	if got := a.get(path, "If-None-Match", tag); got.StatusCode != 200 {
		t.Errorf("changed: %s", got.Status)
	}
}

func TestSignIn(t *testing.T) {
	const token = "a token of some length"
	a := newAPI(t, func(c *server.Config) { c.Token = token })
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}
	if got := a.get("/queries?x=1", "Accept", browser); got.StatusCode != 401 ||
		!strings.Contains(got.body, `name="next" value="/queries?x=1"`) {
		t.Errorf("without a token: %s %s", got.Status, got.body)
	}
	if got := a.do(http.MethodPost, "/sign-in", "token=wrong&next=/", form...); got.StatusCode != 401 ||
		got.Header.Get("Set-Cookie") != "" {
		t.Errorf("with a wrong one: %s %v", got.Status, got.Header)
	}
	for next, want := range map[string]string{"/queries?x=1": "/queries?x=1", "//evil.example": "/",
		"https://evil.example/": "/", `/\evil.example`: "/", "": "/"} {
		got := a.do(http.MethodPost, "/sign-in", "token=a+token+of+some+length&next="+
			strings.NewReplacer("?", "%3F", "=", "%3D").Replace(next), form...)
		cookie := got.Header.Get("Set-Cookie")
		if got.StatusCode != 303 || got.Header.Get("Location") != want ||
			!strings.Contains(cookie, "HttpOnly; SameSite=Strict") || strings.Contains(cookie, "length") {
			t.Errorf("next %q: %s to %q, cookie %q", next, got.Status, got.Header.Get("Location"), cookie)
		}
		value, _, _ := strings.Cut(cookie, ";")
		for path, status := range map[string]int{"/queries": 200, "/api/v1/queries": 200} {
			if got := a.get(path, "Cookie", value); got.StatusCode != status {
				t.Errorf("%s with the cookie: %s", path, got.Status)
			}
		}
		if got := a.sql("SELECT 1", "Cookie", value, "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
			t.Errorf("from another site with the cookie: %s", got.Status)
		}
	}
}
