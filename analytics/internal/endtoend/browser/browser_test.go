// Package browser_test looks at the pages with a real browser. Its tests need
// Chromium, and say so where there is none.
package browser_test

import (
	"context"
	"flag"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/sandbox"
	"purchases/analytics/internal/server"
	"purchases/analytics/internal/sqlfiles"
)

var options struct {
	axe         string // file of axe-core
	screenshots string // folder
	database    string // that the pictures show, beside those of the tests
}

func TestMain(m *testing.M) {
	sandbox.Main()
	flag.StringVar(&options.axe, "axe", "", "check the accessibility with the axe-core in `FILE`")
	flag.StringVar(&options.screenshots, "screenshots", "", "write pictures into `FOLDER`")
	flag.StringVar(&options.database, "db", "", "take pictures of this database, too")
	flag.Parse()
	os.Exit(m.Run())
}

// screen is how large a window is.
type screen struct {
	name          string
	width, height int64
	phone         bool
}

var (
	desktop = screen{"desktop", 1280, 900, false}
	phone   = screen{"phone", 390, 844, true}
)

// chromium starts the browser once for a test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	found := false
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		_, err := exec.LookPath(name)
		found = found || err == nil
	}
	if !found {
		t.Skip("NOT TESTED: the pages in a browser, Chromium is not installed; `apt-get install chromium` and `make " +
			"test-page`")
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// site is a server over a database.
type site struct {
	url    string
	config server.Config
}

func newSite(t *testing.T, path string, change ...func(*server.Config)) *site {
	t.Helper()
	queries, faults := query.Load(sqlfiles.Queries())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	pool, err := readonly.Open(path, server.Connections())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	config := server.Config{
		Pool: pool, Queries: func() (query.Catalogue, int) { return queries, 0 }, Size: func() int64 { return 1 },
		Log: slog.New(slog.DiscardHandler), EventInterval: 100 * time.Millisecond,
		Kafka: func() lag.View { return lag.View{Reachable: true, Ends: lag.Ends{}} },
	}
	for _, set := range change {
		set(&config)
	}
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		listening.CloseClientConnections()
		listening.Close()
	})
	return &site{listening.URL, config}
}

// tab is one page that is open. It notes what went wrong in it.
type tab struct {
	*testing.T
	ctx  context.Context
	site *site

	mu     sync.Mutex
	faults []string
}

// open opens a tab of its own, in one theme, on one screen.
func (s *site) open(t *testing.T, browser context.Context, on screen, theme string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	o := &tab{T: t, ctx: ctx, site: s}
	chromedp.ListenTarget(ctx, o.note)
	size := chromedp.EmulateViewport(on.width, on.height)
	if on.phone {
		size = chromedp.EmulateViewport(on.width, on.height, chromedp.EmulateMobile, chromedp.EmulateScale(2))
	}
	o.do(network.Enable(), runtime.Enable(), size,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}))
	return o
}

// note keeps errors of the console, and requests to other places than the site.
func (o *tab) note(event any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			o.faults = append(o.faults, "console: "+string(e.Type))
		}
	case *runtime.EventExceptionThrown:
		o.faults = append(o.faults, "exception: "+e.ExceptionDetails.Error())
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" &&
			!strings.HasPrefix(e.Request.URL, o.site.url+"/") {
			o.faults = append(o.faults, "a request to "+e.Request.URL)
		}
	}
}

func (o *tab) do(actions ...chromedp.Action) {
	o.Helper()
	if err := chromedp.Run(o.ctx, actions...); err != nil {
		o.Fatal(err)
	}
}

// goTo opens a page and waits for its end.
func (o *tab) goTo(path string) {
	o.Helper()
	o.do(chromedp.Navigate(o.site.url+path), chromedp.WaitReady("footer, .signin"))
}

// text is what an element shows.
func (o *tab) text(selector string) (text string) {
	o.Helper()
	o.do(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// is fails unless the expression becomes true.
func (o *tab) is(expression string) {
	o.Helper()
	var holds bool
	for deadline := time.Now().Add(20 * time.Second); !holds; {
		o.do(chromedp.Evaluate("Boolean("+expression+")", &holds))
		if !holds && time.Now().After(deadline) {
			o.Fatalf("not so: %s", expression)
		}
	}
}

// clean fails if the browser complained.
func (o *tab) clean() {
	o.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, fault := range o.faults {
		o.Errorf("in the browser: %s", fault)
	}
}
