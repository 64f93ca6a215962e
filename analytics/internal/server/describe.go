package server

import (
	"fmt"
	"hash/fnv"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/page"
	"purchases/analytics/internal/query"
)

// queryInfo is a query as the list shows it.
type queryInfo struct {
	Name        string       `json:"name"`
	Title       string       `json:"title"`
	Description string       `json:"description"`
	URL         string       `json:"url"`
	Parameters  []paramInfo  `json:"parameters"`
	Columns     []columnInfo `json:"columns"`
	Bars        string       `json:"bars,omitempty"`
	Chart       chartInfo    `json:"chart"`
}

type chartInfo struct {
	Kind   query.ChartKind `json:"kind"`
	Column string          `json:"column,omitempty"`
}

type paramInfo struct {
	Name        string          `json:"name"`
	Type        query.ParamType `json:"type"`
	Minimum     *int64          `json:"minimum,omitempty"`
	Maximum     *int64          `json:"maximum,omitempty"`
	Allowed     []string        `json:"allowed,omitempty"`
	Default     any             `json:"default"`
	Description string          `json:"description"`
}

type columnInfo struct {
	Name        string           `json:"name"`
	Type        query.ColumnType `json:"type"`
	Description string           `json:"description"`
}

func (s *Server) listQueries(w http.ResponseWriter, r *http.Request) error {
	if wantsPage(r) {
		return redirectToPage(w, r, "/queries")
	}
	if err := noParameters(r, "queries"); err != nil {
		return err
	}
	queries := s.catalog().queries
	list := make([]queryInfo, 0, len(queries))
	for _, q := range queries {
		info := queryInfo{Name: q.Name, Title: q.Title, Description: page.Prose(q.Description), URL: "/api/v1/queries/" +
			q.Name, Bars: q.Bars, Chart: chartInfo{q.Chart.Kind, q.Chart.Column}, Parameters: []paramInfo{}}
		for _, p := range q.Params {
			info.Parameters = append(info.Parameters, newParamInfo(p))
		}
		for _, c := range q.Columns {
			info.Columns = append(info.Columns, columnInfo{c.Name, c.Type, page.Prose(c.Description)})
		}
		list = append(list, info)
	}
	body, err := json.Marshal(struct {
		Queries []queryInfo `json:"queries"`
	}{list})
	if err != nil {
		return fmt.Errorf("list the queries: %w", err)
	}
	return document(w, r, body)
}

func newParamInfo(p query.Param) paramInfo {
	info := paramInfo{Name: p.Name, Type: p.Type, Allowed: p.Choices, Default: p.Default,
		Description: page.Prose(p.Description)}
	if p.Type == query.IntegerParam {
		info.Minimum, info.Maximum = &p.Min, &p.Max
	}
	return info
}

func (s *Server) showDocument(w http.ResponseWriter, r *http.Request) error {
	if err := noParameters(r, "openapi.json"); err != nil {
		return err
	}
	return document(w, r, s.catalog().document)
}

// document answers with JSON that changes only with the queries.
func document(w http.ResponseWriter, r *http.Request, body []byte) error {
	hash := fnv.New64a()
	_, _ = hash.Write(body) // never fails
	tag := fmt.Sprintf(`W/"%x"`, hash.Sum64())
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	return writeWhole(w, func(out *reply) error { return writeLine(out, body) })
}

func noParameters(r *http.Request, name string) error {
	values, err := parseSingleValues(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for param := range values {
		return &query.UnknownParamError{Query: name, Param: param}
	}
	return nil
}

func writeLine(out io.Writer, body []byte) error {
	_, err := fmt.Fprintf(out, "%s\n", body)
	return err
}
