package browser_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/server"
)

// TestScreenshots writes pictures of every state, for people to look at.
func TestScreenshots(t *testing.T) {
	if options.screenshots == "" {
		t.Skip("no pictures are wanted, `make screenshots` takes them")
	}
	browser := chromium(t)
	sites := map[string]*site{
		"shop":    newSite(t, withLetters(newShop(t, plainShop)).path),
		"three":   newSite(t, newShop(t, plainShop.in("EUR", "JPY", "GBP")).path),
		"hostile": newSite(t, newShop(t, hostileShop).path),
		"empty":   newSite(t, newShop(t, kind{}).path),
		"away": newSite(t, newShop(t, plainShop).path, func(c *server.Config) {
			c.Kafka = func() lag.View { return lag.View{} }
		}),
		"token": newSite(t, newShop(t, plainShop).path, func(c *server.Config) { c.Token = "a token of some length" }),
	}
	pages := map[string]string{"overview": "/"}
	if options.database != "" {
		sites = map[string]*site{"sample": newSite(t, options.database)}
		pages["all"], pages["cohorts"], pages["hour"] = "/?period=all", "/queries/cohorts", "/?period=hour"
	}
	for name, s := range sites {
		for page, path := range pages {
			shoot(t, s.open(t, browser, desktop, "light"), path, name+"-"+page+"-desktop-light")
			shoot(t, s.open(t, browser, phone, "dark"), path, name+"-"+page+"-phone-dark")
		}
	}
	if options.database != "" {
		shoot(t, sites["sample"].open(t, browser, desktop, "dark"), "/", "sample-overview-desktop-dark")
		return
	}
	for page, path := range map[string]string{
		"queries": "/queries", "query": "/queries/top-items?by=revenue", "series": "/queries/sales-over-time?every=week",
		"cohorts": "/queries/cohorts", "wrong": "/queries/top-items?limit=x",
		"heat": "/queries/busiest-hours?limit=168", "summary": "/queries/summary",
		"sql": "/sql?sql=SELECT+*+FROM+item_sales+LIMIT+5", "letters": "/dead-letters", "replays": "/replays",
		"absent": "/queries/nothing",
	} {
		shoot(t, sites["shop"].open(t, browser, desktop, "dark"), path, "page-"+page+"-desktop-dark")
		shoot(t, sites["shop"].open(t, browser, phone, "light"), path, "page-"+page+"-phone-light")
	}
}

func withLetters(s *shop) *shop {
	s.reject()
	return s
}

func shoot(t *testing.T, o *tab, path, name string) {
	t.Helper()
	var picture []byte
	o.goTo(path)
	const quality = 100 // PNG
	o.do(chromedp.FullScreenshot(&picture, quality))
	if err := os.MkdirAll(options.screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(options.screenshots, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
	o.do(chromedp.Navigate("about:blank"))
}
