// Package page makes the pages that people look at: an overview, one page for
// each query, SQL, dead letters and replays. A page is a list of panels, and a
// panel is a query with its parameters and a way to show the answer, so that the
// overview is data.
//
// The package writes HTML and holds the files beside it. It knows nothing of
// HTTP, and asks its questions through [Asker], the same way as the API.
package page

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"purchases/analytics/internal/query"
)

// Answer is what a query gave.
type Answer struct {
	Query   query.Query // of a statement, only its columns are set
	Args    query.Args
	Columns []query.Column
	Rows    []query.Row
	AsOf    time.Time
	Tag     string // of the stored offsets
}

// Asker answers questions.
type Asker interface {
	// Find returns the query with the name.
	Find(name string) (query.Query, bool)
	// Ask answers a query by its name.
	Ask(ctx context.Context, name string, values map[string]string) (*Answer, error)
	// Select answers a statement.
	Select(ctx context.Context, statement string) (*Answer, error)
	// Pipeline says how the way from Kafka is.
	Pipeline() Pipeline
	// Replaying says how far a running replay is; nil where none is known to run.
	Replaying(ctx context.Context) *Replay
	// Explain says in a line what an error is to a person who reads the page.
	Explain(error) string
}

//go:embed templates
var templateFiles embed.FS

// Renderer writes pages. It is safe for use by several goroutines.
type Renderer struct {
	templates *template.Template
	Assets    *Assets
}

// New reads the templates and the files of the pages.
func New() (*Renderer, error) {
	assets, err := readAssets()
	if err != nil {
		return nil, err
	}
	functions := template.FuncMap{"asset": assets.URL, "count": count, "words": words,
		"odd": func(i int) bool { return i%2 == 1 }}
	templates, err := template.New("").Funcs(functions).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the templates of the pages: %w", err)
	}
	return &Renderer{templates, assets}, nil
}

// Layout is what all pages show around their panels.
type Layout struct {
	Title    string // of the page
	Heading  string // the same where empty
	Lead     string // a sentence under the heading
	Path     string
	Params   url.Values // of the page's address
	Database string     // name of the file
	Theme    string     // light or dark; empty as the browser wants it
	SignedIn bool       // by a token
	SQL      bool       // whether SELECTs are answered
	Zone     string     // reporting zone
	Period   *Period    // nil where the page has none
	Currency string
	// Currencies are those of the database, the most frequent first.
	Currencies []string
	Empty      bool // whether the database has no event
	// Form is above the panels; nil for none.
	Form *Form
	// Sections are below the panels, such as the SQL of a query.
	Below *Below
	// Catalogue is the list of the queries page.
	Catalogue []Group
	Problem   string

	span Span
	seen string // tag of the stored offsets when the page was made
}

// Describe reads what the layout says of the database.
func (l *Layout) Describe(ctx context.Context, asker Asker) error {
	a, err := asker.Ask(ctx, "database", nil)
	if err != nil || len(a.Rows) == 0 {
		return err
	}
	cell := func(name string) string { text, _ := a.cell(a.Rows[0], name).(string); return text }
	l.Zone, l.seen = cell("zone"), a.Tag
	l.Empty = cell("last_event") == "" || cell("first_day") == "" // all may be retracted
	if l.Empty {
		return nil
	}
	for _, t := range []struct {
		into   *time.Time
		layout string
		column string
	}{
		{&l.span.FirstDay, time.DateOnly, "first_day"},
		{&l.span.LastDay, time.DateOnly, "last_day"},
		{&l.span.LastEvent, time.RFC3339, "last_event"},
	} {
		if *t.into, err = time.Parse(t.layout, cell(t.column)); err != nil {
			return fmt.Errorf("read the span of the database: %w", err)
		}
	}
	l.Currencies = strings.Split(cell("currencies"), ",")
	return nil
}

// SetPeriod reads the period and the currency from the page's address.
func (l *Layout) SetPeriod() {
	if l.Empty {
		return
	}
	l.Period = newPeriod(l.Params, l.span)
	for _, known := range periods {
		params := url.Values{"period": {known.name}}
		if currency := l.Params.Get("currency"); currency != "" {
			params.Set("currency", currency)
		}
		l.Period.Links = append(l.Period.Links, Link{known.label, address(l.Path, params), known.name == l.Period.Name})
	}
	l.Currency = l.Currencies[0]
	for _, c := range l.Currencies {
		if asked := l.Params.Get("currency"); c == asked || c == "" && asked == noCurrency {
			l.Currency = c
		}
	}
}

// noCurrency is how an address names the currency of events that gave none.
const noCurrency = "none"

// Live is the address at which the page listens for changes.
func (l *Layout) Live() string { return l.with("seen", l.seen) }

// Link is an address of a page, with words.
type Link struct {
	Name, URL string
	Current   bool
}

// Nav are the links that every page has.
func (l *Layout) Nav() []Link {
	links := []Link{{Name: "Overview", URL: "/"}, {Name: "Queries", URL: "/queries"}}
	if l.SQL {
		links = append(links, Link{Name: "SQL", URL: "/sql"})
	}
	links = append(links, Link{Name: "Dead letters", URL: "/dead-letters"}, Link{Name: "Replays", URL: "/replays"})
	for i := range links {
		links[i].Current = l.Path == links[i].URL || links[i].URL != "/" && strings.HasPrefix(l.Path, links[i].URL+"/")
	}
	return links
}

// Self is the page's own address.
func (l *Layout) Self() string { return address(l.Path, l.Params) }

// with is the page's address with one parameter set, or without it.
func (l *Layout) with(name, value string) string {
	params := url.Values{}
	for n, v := range l.Params {
		params[n] = v
	}
	params.Del(name)
	if value != "" {
		params.Set(name, value)
	}
	return address(l.Path, params)
}

func address(path string, params url.Values) string {
	if len(params) == 0 {
		return path
	}
	return path + "?" + params.Encode()
}

// CurrencyLinks choose a currency; none where there is nothing to choose.
func (l *Layout) CurrencyLinks() (links []Link) {
	if l.Period == nil || len(l.Currencies) < 2 {
		return nil
	}
	for _, c := range l.Currencies {
		name := c
		if name == "" {
			name = noCurrency
		}
		links = append(links, Link{Name: name, URL: l.with("currency", name), Current: c == l.Currency})
	}
	return links
}

// Top writes the page down to where its panels begin.
func (r *Renderer) Top(w io.Writer, l *Layout) error {
	return r.templates.ExecuteTemplate(w, "top", l)
}

// Panel writes one panel.
func (r *Renderer) Panel(w io.Writer, p *View) error {
	return r.templates.ExecuteTemplate(w, "panel", p)
}

// Bottom writes what follows the panels.
func (r *Renderer) Bottom(w io.Writer, l *Layout) error {
	return r.templates.ExecuteTemplate(w, "bottom", l)
}

// SignIn writes the page that asks for the token.
func (r *Renderer) SignIn(w io.Writer, l *Layout, next string) error {
	return r.templates.ExecuteTemplate(w, "signin", struct {
		*Layout
		Next string
	}{l, next})
}
