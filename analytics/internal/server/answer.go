package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/render"
)

// Parameters that every query has beside its own.
const (
	formatParameter = "format"
	waitParameter   = "wait_for"
)

// request is a canned query that somebody asked for.
type request struct {
	question    answer.Question
	format      render.Format
	contentType string
	target      *freshness.Target // nil when there is nothing to wait for
}

// parse reads the name, the parameters and the format.
func (s *Server) parse(r *http.Request) (*request, error) {
	queries := s.offered().queries
	if _, found := queries.Find(r.PathValue("name")); !found {
		p := newProblem(http.StatusNotFound, "unknown-query", "There is no such query", "GET /api/v1/queries lists all")
		p.Allowed = queries.Nearest(clip(r.PathValue("name")))
		return nil, p
	}
	values, err := single(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	req := &request{}
	chosen, given := values[formatParameter]
	if req.format, req.contentType, err = negotiate(r, chosen, given); err != nil {
		return nil, err
	}
	if text, given := values[waitParameter]; given {
		target, err := freshness.ParseTarget(text)
		if err != nil {
			return nil, wrongParameter(waitParameter, waitParameter+" "+clip(err.Error()), "topic:partition:offset")
		}
		req.target = &target
	}
	delete(values, formatParameter)
	delete(values, waitParameter)
	req.question, err = answer.Ask(queries, r.PathValue("name"), values)
	return req, err
}

// single reads a query string in which each parameter stands once.
func single(rawQuery string) (map[string]string, error) {
	form, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, "query-string", "The query string cannot be read", clip(err.Error()))
	}
	values := make(map[string]string, len(form))
	for name, list := range form {
		if len(list) > 1 {
			return nil, wrongParameter(clip(name), fmt.Sprintf("%s stands there %d times: give it once", clip(name), len(list)))
		}
		values[name] = list[0]
	}
	return values, nil
}

func (s *Server) answerQuery(w http.ResponseWriter, r *http.Request) error {
	req, err := s.parse(r)
	if err != nil {
		return err
	}
	if err := s.wait(r.Context(), req.target); err != nil {
		return err
	}
	return s.open(r.Context(), s.turns(req.question), req.question, func(ctx context.Context, a *answer.Answer) error {
		h, fresh := w.Header(), &a.Freshness
		h.Set("Cache-Control", "private, no-cache")
		h.Set("ETag", req.tag(fresh))
		h.Add("Vary", "Accept")
		describe(h, fresh)
		if matches(r.Header.Values("If-None-Match"), req.tag(fresh)) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		h.Set("Content-Type", req.contentType)
		if r.Method == http.MethodHead {
			return nil
		}
		if known, ok := s.kept.find(fresh, req.asked()); ok {
			describe(h, known.fresh)
			return send(w, func(out *reply) error { return writeTo(out, known.body) })
		}
		return send(w, func(out *reply) error {
			err := req.write(ctx, out, a)
			if err == nil && !out.begun {
				s.kept.keep(fresh, req.asked(), out.held.Bytes())
			}
			return err
		})
	})
}

func writeTo(out io.Writer, body []byte) error {
	_, err := out.Write(body)
	return err
}

// asked tells apart what has different answers.
func (q *request) asked() string {
	return fmt.Sprintf("%s %q %s %s", q.question.Query.Name, q.question.Args, q.format, q.question.Query.SQL)
}

// write runs the query and writes its answer.
func (q *request) write(ctx context.Context, out io.Writer, a *answer.Answer) error {
	rows, err := a.Rows(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	_, err = render.Write(out, q.format, render.Answer{
		Query: q.question.Query.Name, Args: q.question.Args, Columns: rows.Columns(), Freshness: &a.Freshness, Rows: rows.All(),
	}, render.Options{})
	return err
}

// wait ends when the target is stored.
func (s *Server) wait(ctx context.Context, target *freshness.Target) error {
	if target == nil {
		return nil
	}
	release, err := s.waiters.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	limited, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	err = freshness.Wait(limited, s.Pool, *target)
	if errors.Is(err, freshness.ErrNotReached) || err != nil && limited.Err() != nil {
		p := newProblem(http.StatusConflict, "not-stored", "The record is not stored yet", clip(err.Error()))
		p.Parameter = waitParameter
		return retry(p)
	}
	return err
}

// turns are those that a question waits for.
func (s *Server) turns(q answer.Question) *slots {
	if q.Sandboxed() {
		return s.sql
	}
	return s.canned
}

// open waits for its turn and answers from the database as it then is, for at
// most the time limit.
func (s *Server) open(ctx context.Context, turns *slots, q answer.Question, work func(context.Context, *answer.Answer) error) (err error) {
	release, err := turns.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	a, err := q.Open(ctx, s.Pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if s.Ends != nil {
		a.Freshness.SetLag(s.Ends())
	}
	return work(ctx, a)
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

// tag changes when the answer may: with the stored offsets, the query, its
// parameters and the format. It is weak: an answer also says when it was given.
func (q *request) tag(f *freshness.Freshness) string {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(q.asked())) // never fails
	return `W/"` + f.Tag() + "-" + strconv.FormatUint(hash.Sum64(), 36) + `"`
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

// firstBytes of an answer are held back: what fails before them can still be
// said with a status, and what ends before them has a Content-Length.
const firstBytes = 32 << 10

// reply is the body of an answer.
type reply struct {
	w     http.ResponseWriter
	held  bytes.Buffer
	begun bool
}

func (b *reply) Write(p []byte) (int, error) {
	if !b.begun && b.held.Len()+len(p) <= firstBytes {
		return b.held.Write(p)
	}
	if err := b.begin(); err != nil {
		return 0, err
	}
	return b.w.Write(p)
}

// begin limits the time of sending, which a client that does not read would
// take from others: the query goes on meanwhile.
func (b *reply) begin() error {
	if b.begun {
		return nil
	}
	b.begun = true
	_ = http.NewResponseController(b.w).SetWriteDeadline(time.Now().Add(timeLimit)) // each server here has one
	_, err := b.w.Write(b.held.Bytes())
	return err
}

// send writes an answer. One that fails when it has begun is cut off, so that
// the client sees an incomplete message and no short answer.
func send(w http.ResponseWriter, write func(*reply) error) error {
	b := &reply{w: w}
	err := write(b)
	if err != nil && !b.begun {
		return err
	}
	if err == nil && !b.begun {
		w.Header().Set("Content-Length", strconv.Itoa(b.held.Len()))
		err = b.begin()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
