package server

import (
	"context"
	"fmt"
	"mime"
	"net/http"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
)

// answerSQL runs the SELECT of a client. JSON is the only form of the request,
// because a browser does not send that to another site without asking it.
func (s *Server) answerSQL(w http.ResponseWriter, r *http.Request) error {
	values, err := single(r.URL.RawQuery)
	if err != nil {
		return err
	}
	chosen, given := values[formatParameter]
	delete(values, formatParameter)
	for name := range values {
		return &query.UnknownParamError{Query: "sql", Param: name, Known: []string{formatParameter}}
	}
	format, contentType, err := negotiate(r, chosen, given)
	if err != nil {
		return err
	}
	question, err := readStatement(r)
	if err != nil {
		return err
	}
	return explainSQL(s.open(r.Context(), s.sql, question, func(ctx context.Context, a *answer.Answer) error {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", contentType)
		h.Add("Vary", "Accept")
		describe(h, &a.Freshness)
		return send(w, func(out *reply) error { return selectRows(ctx, out, a, format) })
	}))
}

func readStatement(r *http.Request) (none answer.Question, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		p := newProblem(http.StatusUnsupportedMediaType, "content-type", "The request is not JSON", `send {"sql": "SELECT ..."} as application/json`)
		p.Allowed = []string{"application/json"}
		return none, p
	}
	var body struct {
		SQL *string `json:"sql"`
	}
	if err := json.UnmarshalRead(r.Body, &body, json.RejectUnknownMembers(true)); err != nil {
		if tooLarge := explain(err); tooLarge.Status == http.StatusRequestEntityTooLarge {
			return none, tooLarge
		}
		return none, newProblem(http.StatusBadRequest, "body", "The request's JSON cannot be read", clip(err.Error()))
	}
	if body.SQL == nil {
		return none, wrongParameter("sql", `sql is missing: send {"sql": "SELECT ..."}`)
	}
	question, err := answer.Select(*body.SQL)
	if err != nil {
		p := newProblem(http.StatusUnprocessableEntity, "sql", "The statement is not one SELECT", clip(err.Error()))
		p.Parameter = "sql"
		return none, p
	}
	return question, nil
}

func selectRows(ctx context.Context, out *reply, a *answer.Answer, format render.Format) error {
	rows, err := a.Rows(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	n, err := render.Write(out, format, render.Answer{
		Columns: rows.Columns(), Freshness: &a.Freshness, Rows: query.Limit(rows.All(), maxRows),
	}, render.Options{})
	if err != nil {
		return fmt.Errorf("after %d rows: %w", n, err)
	}
	return nil
}
