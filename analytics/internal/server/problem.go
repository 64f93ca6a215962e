package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/query"
	"purchases/analytics/internal/sandbox"
)

// problem is an error as clients see it (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Parameter is the one that was wrong, and Allowed what it may be.
	Parameter string   `json:"parameter,omitempty"`
	Allowed   []string `json:"allowed,omitempty"`

	retryAfter int // seconds, 0 when there is no use in trying again
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

func newProblem(status int, code, title, detail string) *problem {
	return &problem{Type: "urn:purchases:problem:" + code, Title: title, Status: status, Detail: detail}
}

var (
	errBusy     = errors.New("too many queries at a time")
	errStopping = errors.New("the server is stopping")
)

// wrongParameter is a parameter of the API itself, not of a query.
func wrongParameter(name, detail string, allowed ...string) *problem {
	p := newProblem(http.StatusBadRequest, "invalid-parameter", "Invalid parameter", detail)
	p.Parameter, p.Allowed = name, allowed
	return p
}

// explain finds the problem that an error is to a client. What it does not
// know is the server's fault, and its text is for the log only.
func explain(err error) *problem {
	var known *problem
	var wrong *query.ParamError
	var unknown *query.UnknownParamError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &wrong):
		allowed := wrong.Allowed
		if len(allowed) == 0 {
			allowed = []string{wrong.Want}
		}
		return wrongParameter(wrong.Param, clip(wrong.Error()), allowed...)
	case errors.As(err, &unknown):
		p := newProblem(http.StatusBadRequest, "unknown-parameter", "Unknown parameter", clip(unknown.Error()))
		p.Parameter, p.Allowed = clip(unknown.Param), unknown.Known
		return p
	case errors.As(err, &tooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, "too-large", "The request is too large",
			fmt.Sprintf("the limit is %d bytes", tooLarge.Limit))
	case errors.Is(err, errBusy):
		return retry(newProblem(http.StatusServiceUnavailable, "busy", "The server is busy",
			"too many requests in progress, in total or for this client; try again"))
	case errors.Is(err, errStopping):
		return retry(newProblem(http.StatusServiceUnavailable, "stopping", "The server is stopping",
			"try again after the restart"))
	case errors.Is(err, context.Canceled):
		return newProblem(http.StatusBadRequest, "incomplete-request", "The client closed the connection",
			"keep it open until the answer has arrived")
	case errors.Is(err, sandbox.ErrMemory):
		return newProblem(http.StatusUnprocessableEntity, "memory-limit", "The query needs too much memory", err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return retry(newProblem(http.StatusServiceUnavailable, "time-limit", "The query took too long", "the limit is "+
			timeLimit.String()))
	}
	return newProblem(http.StatusInternalServerError, "internal", "Internal error", "the server's log has the cause")
}

// explainSQL is explain for the statement of a client, whose fault most errors
// then are.
func explainSQL(err error) error {
	var own *sandbox.StatementError
	switch {
	case errors.Is(err, query.ErrTooManyRows):
		return newProblem(http.StatusUnprocessableEntity, "too-many-rows", "The answer has too many rows", err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return newProblem(http.StatusUnprocessableEntity, "time-limit", "The statement took too long", "the limit is "+
			timeLimit.String())
	case errors.As(err, &own):
		return newProblem(http.StatusUnprocessableEntity, "sql", "SQLite rejected the statement", clip(own.Error()))
	}
	return err
}

func retry(p *problem) *problem {
	p.retryAfter = 1
	return p
}

// clip keeps what a client sent from filling the answer to it.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

func (p *problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"type":"about:blank"}`) // cannot be: all its text is valid
	}
	h := w.Header()
	for _, name := range []string{"ETag", "Content-Length", "Content-Encoding"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}

// handler is an HTTP handler whose error becomes a problem. After it has begun
// an answer it must not return one.
type handler func(http.ResponseWriter, *http.Request) error

func (s *Server) handle(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		p := explain(err)
		if p.Status == http.StatusInternalServerError {
			s.Log.Error("cannot answer", "path", r.URL.Path, "cause", err)
		}
		p.write(w)
	})
}
