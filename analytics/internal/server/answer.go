package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/freshness"
)

// Parameters that every query has beside its own.
const (
	formatParameter = "format"
	moneyParameter  = "money"
	waitParameter   = "wait_for"
)

// request is a canned query that somebody asked for.
type request struct {
	answer.Question
	form   form
	target *freshness.Target // nil when there is nothing to wait for
}

// parse reads the name, the parameters and the format.
func (s *Server) parse(r *http.Request) (*request, error) {
	name, format := cutFormat(r.PathValue("name"))
	if _, err := s.find(name); err != nil {
		return nil, err
	}
	values, err := parseSingleValues(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if _, given := values[formatParameter]; format != "" && !given {
		values[formatParameter] = format
	}
	req := &request{}
	if req.form, err = takeForm(r, values); err != nil {
		return nil, err
	}
	if req.target, err = takeTarget(values); err != nil {
		return nil, err
	}
	req.Question, err = answer.Ask(s.catalog().queries, name, values)
	return req, err
}

// takeTarget takes the record to wait for out of the values.
func takeTarget(values map[string]string) (*freshness.Target, error) {
	text, given := values[waitParameter]
	delete(values, waitParameter)
	if !given {
		return nil, nil
	}
	target, err := freshness.ParseTarget(text)
	if err != nil {
		return nil, wrongParameter(waitParameter, waitParameter+" "+clip(err.Error()), "topic:partition:offset")
	}
	return &target, nil
}

// parseSingleValues reads a query string in which each parameter stands once.
func parseSingleValues(rawQuery string) (map[string]string, error) {
	parsed, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, "query-string", "The query string cannot be read", clip(err.Error()))
	}
	values := make(map[string]string, len(parsed))
	for name, list := range parsed {
		if len(list) > 1 {
			return nil, wrongParameter(clip(name), fmt.Sprintf("%s appears %d times: set it once", clip(name), len(list)))
		}
		values[name] = list[0]
	}
	return values, nil
}

func (s *Server) answerQuery(w http.ResponseWriter, r *http.Request) error {
	if wantsPage(r) {
		return redirectToPage(w, r, "/queries/"+url.PathEscape(r.PathValue("name")))
	}
	req, err := s.parse(r)
	if err != nil {
		return err
	}
	if err := s.wait(r.Context(), req.target); err != nil {
		return err
	}
	found, err := s.ask(r.Context(), req.Question)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	tag := found.tag(req.form.key(req.Question))
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		describe(h, found.fresh)
		h.Add("Vary", "Accept")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return s.send(w, r, req.form, req.Question, found)
}

// send writes an answer in its form. The turn for the database is over; the
// memory that the answer takes counts until the client has it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, f form, q answer.Question, found *result) error {
	h := w.Header()
	h.Add("Vary", "Accept")
	describe(h, found.fresh)
	f.describe(h, q.Query.Name)
	if r.Method == http.MethodHead {
		return nil
	}
	release, err := s.sending.take(r.Context(), found.bytes)
	if err != nil {
		return err
	}
	defer release()
	return writeWhole(w, func(out *reply) error {
		return f.write(out, q, found)
	})
}

// wait ends when the target is stored.
func (s *Server) wait(ctx context.Context, target *freshness.Target) error {
	if target == nil {
		return nil
	}
	release, err := s.waiters.take(ctx, 1)
	if err != nil {
		return err
	}
	defer release()
	limited, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	err = freshness.Wait(limited, s.Pool, *target)
	if errors.Is(err, freshness.ErrNotReached) || err != nil && limited.Err() != nil && ctx.Err() == nil {
		p := newProblem(http.StatusConflict, "not-stored", "The record is not stored yet", clip(err.Error()))
		p.Parameter = waitParameter
		return retry(p)
	}
	return err
}

// describe says in the header what the answer reflects.
func describe(h http.Header, f *freshness.Freshness) {
	h.Set("Purchases-As-Of", f.AsOf.Format(time.RFC3339Nano))
	h.Set("Purchases-Offsets", f.Offsets())
	if last := f.LastEvent(); !last.IsZero() {
		h.Set("Purchases-Last-Event", last.Format(time.RFC3339Nano))
	}
	if f.Lag != nil {
		h.Set("Purchases-Lag", strconv.FormatInt(*f.Lag, 10))
	}
}

// matches says whether If-None-Match has the tag (RFC 9110, section 13.1.2).
func matches(header []string, tag string) bool {
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
