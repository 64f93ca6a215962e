package server

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/query"
)

// answerSQL runs the SELECT of a client. JSON is the only form of a POST,
// because a browser does not send that to another site without asking it.
func (s *Server) answerSQL(w http.ResponseWriter, r *http.Request) error {
	values, err := parseSingleValues(r.URL.RawQuery)
	if err != nil {
		return err
	}
	f, err := takeForm(r, values)
	if err != nil {
		return err
	}
	question, err := takeStatement(r, values)
	if err != nil {
		return err
	}
	for name := range values {
		return &query.UnknownParamError{Query: "sql", Param: name, Known: []string{"sql", formatParameter, moneyParameter}}
	}
	found, err := s.ask(r.Context(), question)
	if err != nil {
		return explainSQL(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.send(w, r, f, answer.Question{}, found)
}

// getSQL is answerSQL with the statement in the URL. It refuses what another
// site makes a browser ask.
func (s *Server) getSQL(w http.ResponseWriter, r *http.Request) error {
	if wantsPage(r) {
		return redirectToPage(w, r, "/sql")
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		if !s.allowsOrigin(r.Header.Get("Origin")) {
			return newProblem(http.StatusForbidden, "cross-origin", "Requests from other sites are refused", "")
		}
	}
	return s.answerSQL(w, r)
}

// takeStatement takes it from the parameter of a GET or the body of a POST.
func takeStatement(r *http.Request, values map[string]string) (q answer.Question, err error) {
	var statement string
	if r.Method == http.MethodPost {
		statement, err = readStatement(r)
	} else if text, given := values["sql"]; given {
		statement = text
		delete(values, "sql")
	} else {
		err = wrongParameter("sql", "sql is missing: write ?sql=SELECT%201")
	}
	if err != nil {
		return q, err
	}
	if q, err = answer.Select(statement); err != nil {
		p := newProblem(http.StatusUnprocessableEntity, "sql", "The statement is not one SELECT", clip(err.Error()))
		p.Parameter = "sql"
		return q, p
	}
	return q, nil
}

func readStatement(r *http.Request) (string, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		p := newProblem(http.StatusUnsupportedMediaType, "content-type", "The request is not JSON",
			`send {"sql": "SELECT ..."} as application/json`)
		p.Allowed = []string{"application/json"}
		return "", p
	}
	var body struct {
		SQL *string `json:"sql"`
	}
	if err := json.UnmarshalRead(r.Body, &body, json.RejectUnknownMembers(true)); err != nil {
		if tooLarge := explain(err); tooLarge.Status == http.StatusRequestEntityTooLarge {
			return "", tooLarge
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return "", newProblem(http.StatusBadRequest, "incomplete-request", "The request's body is incomplete",
				clip(err.Error()))
		}
		return "", newProblem(http.StatusBadRequest, "body", "The request's JSON cannot be read", clip(err.Error()))
	}
	if body.SQL == nil {
		return "", wrongParameter("sql", `sql is missing: send {"sql": "SELECT ..."}`)
	}
	return *body.SQL, nil
}
