package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/page"
	"purchases/analytics/internal/query"
)

// Parameters of a page's address that are none of its query.
const (
	panelParameter = "panel" // asks for one panel alone
	seenParameter  = "seen"  // what a listener has seen last
	sortParameter  = "sort"
)

// pageSecurity lets a page load what this server has, and nothing else.
const pageSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src " +
	"'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// builder completes a layout and says which panels the page has.
type builder func(*http.Request, *page.Layout) ([]page.Panel, error)

// name is what people call the database.
func (s *Server) name() string { return filepath.Base(s.Pool.Path()) }

// pageRoutes are the addresses for people.
func (s *Server) pageRoutes(mux *http.ServeMux, compressed func(handler) http.Handler) {
	for pattern, build := range map[string]builder{
		"GET /{$}": s.overview, "GET /queries": s.listPage, "GET /queries/{name}": s.queryPage,
		"GET /dead-letters": fixed("Dead letters", "Records that broke a rule of the contract. None of them is counted.",
			page.DeadLetters),
		"GET /replays": fixed("Replays", "Every rebuild of the database from Kafka or from its events.", page.Replays),
	} {
		mux.Handle(pattern, s.page(compressed, build))
	}
	if !s.NoSQL {
		mux.Handle("GET /sql", s.page(compressed, s.sqlPage))
	}
	mux.Handle("GET /assets/{name}", s.handle(s.asset))
	mux.Handle("POST /theme", s.handle(s.setTheme))
	mux.Handle("GET /sign-in", s.handle(s.showSignIn))
	mux.Handle("POST /sign-in", s.handle(s.signIn))
	mux.Handle("POST /sign-out", s.handle(s.signOut))
}

// page answers with a whole page, with one of its panels, or with a stream of
// what changes.
func (s *Server) page(compressed func(handler) http.Handler, build builder) http.Handler {
	whole := compressed(func(w http.ResponseWriter, r *http.Request) error { return s.showPage(w, r, build) })
	live := s.handle(func(w http.ResponseWriter, r *http.Request) error { return s.streamPage(w, r, build) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", pageSecurity)
		if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			live.ServeHTTP(w, r)
			return
		}
		whole.ServeHTTP(w, r)
	})
}

// prepare makes the layout of the page, and its panels.
func (s *Server) prepare(r *http.Request, build builder) (*page.Layout, []page.Panel, error) {
	l, err := s.newLayout(r)
	if err != nil {
		return l, nil, err
	}
	panels, err := build(r, l)
	return l, panels, err
}

// newLayout is what all pages have. It is not nil where it fails.
func (s *Server) newLayout(r *http.Request) (*page.Layout, error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	l := &page.Layout{
		Title: "Purchases", Path: r.URL.Path, Params: params, Database: s.name(), SQL: !s.NoSQL, SignedIn: s.Token != "",
	}
	if cookie, err := r.Cookie(themeCookie); err == nil && (cookie.Value == "dark" || cookie.Value == "light") {
		l.Theme = cookie.Value
	}
	if err != nil {
		l.Params = url.Values{}
		return l, newProblem(http.StatusBadRequest, "query-string", "The query string cannot be read", clip(err.Error()))
	}
	params.Del(panelParameter)
	params.Del(seenParameter)
	return l, l.Describe(r.Context(), asker{s})
}

func (s *Server) showPage(w http.ResponseWriter, r *http.Request, build builder) error {
	l, panels, err := s.prepare(r, build)
	if err != nil {
		return s.showFailure(w, l, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Accept, Cookie")
	if id := r.URL.Query().Get(panelParameter); id != "" {
		return s.showPanel(w, r, l, panels, id)
	}
	return s.showWhole(w, r, l, panels)
}

// showWhole sends the page as its panels get ready, so that a browser shows its
// top at once. What fails later stands in the panel.
func (s *Server) showWhole(w http.ResponseWriter, r *http.Request, l *page.Layout, panels []page.Panel) error {
	if r.Method == http.MethodHead {
		return nil
	}
	var b bytes.Buffer
	if err := s.pages.Top(&b, l); err != nil {
		return fmt.Errorf("write the page %s: %w", l.Path, err)
	}
	control := http.NewResponseController(w)
	for _, p := range panels {
		if err := s.pages.Panel(&b, p.View(r.Context(), asker{s}, l)); err != nil {
			return s.abort(fmt.Errorf("write the panel %s: %w", p.ID, err))
		}
		if _, err := b.WriteTo(w); err != nil {
			return s.abort(err)
		}
		_ = control.Flush() // what cannot be sent now is sent at the end
	}
	if err := s.pages.Bottom(&b, l); err != nil {
		return s.abort(fmt.Errorf("write the page %s: %w", l.Path, err))
	}
	if _, err := b.WriteTo(w); err != nil {
		return s.abort(err)
	}
	return nil
}

// abort cuts a page off that has begun.
func (s *Server) abort(err error) error {
	s.Log.Warn("cannot finish a page", "cause", err)
	panic(http.ErrAbortHandler)
}

// showPanel sends one panel, with a tag of what it shows.
func (s *Server) showPanel(w http.ResponseWriter, r *http.Request, l *page.Layout, panels []page.Panel,
	id string) error {
	for _, p := range panels {
		if p.ID != id {
			continue
		}
		body, tag, err := s.renderPanel(r.Context(), l, p)
		if err != nil {
			return err
		}
		w.Header().Set("ETag", tag)
		if matches(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		return writeWhole(w, func(out *reply) error {
			_, err := out.Write(body)
			return err
		})
	}
	return newProblem(http.StatusNotFound, "not-found", "Not found", "this page has no panel "+clip(id))
}

// renderPanel writes a panel. Its tag does not change with how long ago
// something was.
func (s *Server) renderPanel(ctx context.Context, l *page.Layout, p page.Panel) (body []byte, tag string, err error) {
	var b bytes.Buffer
	v := p.View(ctx, asker{s}, l)
	v.Still()
	if err := s.pages.Panel(&b, v); err != nil {
		return nil, "", fmt.Errorf("write the panel %s: %w", p.ID, err)
	}
	return b.Bytes(), `W/"` + hashOf(b.Bytes()) + `"`, nil
}

// showFailure is a page that says what is wrong.
func (s *Server) showFailure(w http.ResponseWriter, l *page.Layout, err error) error {
	p := explain(err)
	if p.Status == http.StatusInternalServerError {
		s.Log.Error("cannot show a page", "path", l.Path, "cause", err)
	}
	l.Problem = asker{s}.Explain(err)
	if l.Title == "Purchases" {
		l.Title = p.Title
	}
	var b bytes.Buffer
	if err := errors.Join(s.pages.Top(&b, l), s.pages.Bottom(&b, l)); err != nil {
		return fmt.Errorf("write the page %s: %w", l.Path, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = b.WriteTo(w) // a client that is gone needs no answer
	return nil
}

func (s *Server) overview(_ *http.Request, l *page.Layout) ([]page.Panel, error) {
	l.Title = "Overview"
	l.SetPeriod()
	if l.Empty {
		return page.Overview[:1], nil
	}
	return page.Overview, nil
}

func fixed(title, lead string, panels []page.Panel) builder {
	return func(_ *http.Request, l *page.Layout) ([]page.Panel, error) {
		l.Title, l.Lead = title, lead
		return panels, nil
	}
}

func (s *Server) listPage(_ *http.Request, l *page.Layout) ([]page.Panel, error) {
	l.Title, l.Lead = "Queries", "Each answers one question, here, on the command line and over HTTP."
	l.Catalogue = page.NewCatalogue(s.catalog().queries)
	return nil, nil
}

func (s *Server) queryPage(r *http.Request, l *page.Layout) ([]page.Panel, error) {
	q, err := s.find(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for name, list := range l.Params {
		if name != sortParameter && list[0] != "" { // a form sends empty fields
			values[name] = list[0]
		}
	}
	l.Title, l.Lead = q.Title, page.Prose(q.Description)
	l.Form, l.Below = page.NewForm(q, values), page.NewBelow(q, values)
	_, err = q.Bind(values)
	return page.QueryPanels(q, values), err
}

func (s *Server) sqlPage(r *http.Request, l *page.Layout) ([]page.Panel, error) {
	statement := l.Params.Get("sql")
	l.Title = "SQL"
	l.Lead = fmt.Sprintf("Ask the database in SQL. A statement ends after %d seconds; an answer has at most %d thousand "+
		"rows.", timeLimit/time.Second, maxRows/1000)
	l.Form = &page.Form{Action: "/sql", Statement: &statement}
	schema, err := s.ask(r.Context(), answer.Question{Statement: `SELECT name, type, sql FROM sqlite_schema
		WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE 'goose%' ORDER BY type
		DESC, name`})
	if err != nil {
		return nil, err
	}
	l.Below = page.NewSchema(schema.rows)
	if statement == "" {
		return nil, nil
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" {
		l.Problem = "Another site led here. Look at the statement, then run it."
		return nil, nil
	}
	return []page.Panel{{ID: "table", Title: "Answer", Kind: page.TableKind, Statement: statement, Width: "12"}}, nil
}

// asker answers the questions of pages.
type asker struct{ *Server }

func (a asker) Find(name string) (query.Query, bool) { return a.catalog().queries.Find(name) }

func (a asker) Ask(ctx context.Context, name string, values map[string]string) (*page.Answer, error) {
	q, err := answer.Ask(a.catalog().queries, name, values)
	if err != nil {
		return nil, err
	}
	found, err := a.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return found.forPage(q), nil
}

func (a asker) Select(ctx context.Context, statement string) (*page.Answer, error) {
	q, err := answer.Select(statement)
	if err != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, "sql", "The statement is not one SELECT", clip(err.Error()))
	}
	found, err := a.ask(ctx, q)
	if err != nil {
		return nil, explainSQL(err)
	}
	return found.forPage(q), nil
}

func (r *result) forPage(q answer.Question) *page.Answer {
	return &page.Answer{
		Query: q.Query, Args: q.Args, Columns: r.columns, Rows: r.rows, AsOf: r.fresh.AsOf, Tag: r.fresh.Tag(),
	}
}

func (a asker) Pipeline() page.Pipeline {
	if a.Kafka == nil {
		return page.Pipeline{}
	}
	view := a.Kafka()
	return page.Pipeline{Asked: true, Reachable: view.Reachable, Backlog: view.Backlog}
}

func (a asker) Replaying(ctx context.Context) *page.Replay {
	if a.Server.Replaying == nil {
		return nil
	}
	return a.Server.Replaying(ctx)
}

// Explain says what the API would say.
func (a asker) Explain(err error) string {
	p := explain(err)
	if p.Status == http.StatusInternalServerError {
		a.Log.Error("cannot show a panel", "cause", err)
	}
	text := p.Title + ". " + p.Detail
	if len(p.Allowed) > 0 && p.Status == http.StatusNotFound {
		text += " " + strings.Join(p.Allowed, ", ")
	}
	return text
}
