package browser_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/server"
)

// everywhere runs a flow on both screens and in both themes.
func everywhere(t *testing.T, s *site, flow func(*tab)) {
	t.Helper()
	browser := chromium(t)
	for _, on := range []screen{desktop, phone} {
		for _, theme := range []string{"light", "dark"} {
			t.Run(on.name+"/"+theme, func(t *testing.T) {
				o := s.open(t, browser, on, theme)
				flow(o)
				o.clean()
			})
		}
	}
}

func TestOverview(t *testing.T) {
	shop := newShop(t, plainShop)
	everywhere(t, newSite(t, shop.path), func(o *tab) {
		o.goTo("/")
		o.is(`document.querySelectorAll("main section").length === 12`)
		o.is(`document.querySelector("#sales canvas")`)
		o.is(`document.documentElement.scrollWidth <= innerWidth`) // nothing sticks out
		o.is(`document.querySelector(".state").textContent.includes("Up to date")`)
		before := o.text("#revenue .figure")
		o.do(chromedp.Evaluate(`document.querySelector("#items a").focus(); scrollTo(0, 150)`, nil))
		shop.sell(12_345)
		o.is(fmt.Sprintf(`document.querySelector("#revenue .figure").innerText !== %q`, before))
		o.is(`document.activeElement === document.querySelector("#items a") && scrollY === 150`)
		o.do(chromedp.Click(`//nav[@aria-label="Period"]/a[.="Week"]`, chromedp.BySearch), chromedp.WaitReady("footer"))
		o.is(`location.search === "?period=week" && document.querySelector(".tabs [aria-current]").textContent === "Week"`)
	})
}

func TestThemeIsRemembered(t *testing.T) {
	s := newSite(t, newShop(t, plainShop).path)
	o := s.open(t, chromium(t), desktop, "light")
	o.goTo("/queries")
	light := `getComputedStyle(document.body).backgroundColor === "rgb(246, 247, 249)"`
	o.is(light)
	o.do(chromedp.Click("#theme"))
	o.is(`!(` + light + `) && document.documentElement.dataset.theme === "dark"`)
	o.goTo("/replays")
	o.is(`document.documentElement.dataset.theme === "dark"`)
	o.clean()
}

func TestQueryPage(t *testing.T) {
	everywhere(t, newSite(t, newShop(t, plainShop).path), func(o *tab) {
		o.goTo("/queries")
		o.do(chromedp.Click(`a[href="/queries/top-items"]`), chromedp.WaitReady("#table"))
		o.do(chromedp.SetValue(`[name=limit]`, "3"), chromedp.SetValue(`[name=by]`, "revenue"), chromedp.Submit("form.ask"),
			chromedp.WaitReady("#table"))
		o.is(`document.querySelectorAll("#table tbody tr").length === 3 && location.search.includes("by=revenue")`)
		o.is(`document.querySelector(".ways pre").textContent === "analytics query top-items --by revenue --limit 3"`)
		o.do(chromedp.Click(`//th/a[.="Units sold"]`, chromedp.BySearch), chromedp.WaitReady("#table"))
		o.is(`document.querySelector("#table th[aria-sort=descending]").textContent.includes("Units sold")`)
		o.is(`document.documentElement.scrollWidth <= innerWidth`)
	})
}

func TestHostileNames(t *testing.T) {
	everywhere(t, newSite(t, newShop(t, hostileShop).path), func(o *tab) {
		o.goTo("/")
		o.is(`document.querySelectorAll("#items tbody tr").length === 10 && !document.querySelector("main img, main script, main b, main i")`)
		o.is(`document.documentElement.scrollWidth <= innerWidth`)
		o.is(`[...document.querySelectorAll("#users .label")].some(l => l.title.length === 10000)`)
		o.is(`document.querySelector("#net .figure").textContent.startsWith("−")`)
	})
}

func TestThreeCurrencies(t *testing.T) {
	everywhere(t, newSite(t, newShop(t, plainShop.in("EUR", "JPY", "GBP")).path), func(o *tab) {
		o.goTo("/?currency=JPY")
		o.is(`document.querySelector("#revenue small").textContent === "JPY"`)
		o.is(`document.querySelector("#items thead").textContent.includes("JPY")`)
		o.is(`!document.querySelector("#items td.num").textContent.includes(".")`) // no sen
	})
}

func TestEmptyDatabase(t *testing.T) {
	shop := newShop(t, kind{})
	everywhere(t, newSite(t, shop.path), func(o *tab) {
		o.goTo("/")
		o.is(`document.querySelector(".welcome pre").textContent === "bin/producer import --sample"`)
		for _, path := range []string{"/queries/top-items", "/queries/sales-over-time", "/queries/cohorts",
			"/queries/busiest-hours", "/queries/summary", "/dead-letters", "/replays"} {
			o.goTo(path)
			o.is(`!document.querySelector("[role=alert]")`)
		}
	})
}

func TestKafkaAway(t *testing.T) {
	s := newSite(t, newShop(t, plainShop).path, func(c *server.Config) {
		c.Kafka = func() lag.View { return lag.View{} }
	})
	everywhere(t, s, func(o *tab) {
		o.goTo("/")
		o.is(`document.querySelector(".state.bad").textContent.includes("Kafka does not answer")`)
	})
}

func TestToken(t *testing.T) {
	const token = "a token of some length"
	s := newSite(t, newShop(t, plainShop).path, func(c *server.Config) { c.Token = token })
	browser := chromium(t)
	o := s.open(t, browser, desktop, "light")
	o.goTo("/queries/top-items?limit=3")
	o.do(chromedp.SendKeys("[name=token]", "wrong"), chromedp.Submit("form"), chromedp.WaitReady("[role=alert]"))
	o.do(chromedp.SendKeys("[name=token]", token), chromedp.Submit("form"), chromedp.WaitReady("#table"))
	o.is(`location.pathname + location.search === "/queries/top-items?limit=3" && document.cookie === ""`)
	o.goTo("/")
	o.is(`document.querySelector("#revenue .figure")`)
}

// Without scripts all is there: the charts, the form and the figures.
func TestWithoutScripts(t *testing.T) {
	s := newSite(t, newShop(t, plainShop).path)
	o := s.open(t, chromium(t), desktop, "light")
	o.do(chromedp.ActionFunc(withoutScripts))
	o.goTo("/")
	var html string
	o.do(chromedp.OuterHTML("main", &html))
	for _, want := range []string{`<path class="line" d="M`, `id="revenue"`, `<rect class="lower"`, `name="since"`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(html, "<canvas") {
		t.Error("a script has run")
	}
}

// The page says when the server has gone, and continues when it is back.
func TestLostConnection(t *testing.T) {
	shop := newShop(t, plainShop)
	s := newSite(t, shop.path)
	o := s.open(t, chromium(t), desktop, "light")
	front := s.proxy(t)
	o.goTo("/")
	o.is(`document.querySelector("#connection").hidden`)
	front.stop()
	o.is(`document.querySelector("#connection").textContent.startsWith("Connection lost")`)
	front.start()
	before := o.text("#revenue .figure")
	shop.sell(54_321)
	o.is(fmt.Sprintf(`document.querySelector("#connection").hidden && document.querySelector("#revenue .figure").innerText !== %q`, before))
}

// axe-core finds nothing serious on any page.
func TestAccessibility(t *testing.T) {
	if options.axe == "" {
		t.Skip("NOT TESTED: accessibility, `make test-page` does")
	}
	axe, err := os.ReadFile(options.axe)
	if err != nil {
		t.Fatal(err)
	}
	shop := newShop(t, plainShop.in("EUR", "JPY"))
	shop.reject()
	everywhere(t, newSite(t, shop.path), func(o *tab) {
		for _, path := range []string{"/", "/queries", "/queries/top-items", "/queries/cohorts", "/queries/sales-over-time",
			"/queries/summary", "/sql?sql=SELECT+1+AS+n", "/dead-letters", "/replays", "/queries/top-items?limit=x"} {
			o.goTo(path)
			var found []string
			o.do(chromedp.Evaluate(string(axe), nil),
				chromedp.Evaluate(`axe.run().then(r => r.violations.filter(v => ["serious", "critical"].includes(v.impact))
				.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 150)).join(" | ")))`, &found, awaited))
			for _, violation := range found {
				o.Errorf("%s: %s", path, violation)
			}
		}
	})
}
