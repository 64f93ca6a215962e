package server

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/freshness"
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
	if err := noParameters(r, "queries"); err != nil {
		return err
	}
	queries := s.offered().queries
	list := make([]queryInfo, 0, len(queries))
	for _, q := range queries {
		info := queryInfo{Name: q.Name, Title: q.Title, Description: q.Description, URL: "/api/v1/queries/" + q.Name, Bars: q.Bars, Parameters: []paramInfo{}}
		for _, p := range q.Params {
			info.Parameters = append(info.Parameters, newParamInfo(p))
		}
		for _, c := range q.Columns {
			info.Columns = append(info.Columns, columnInfo(c))
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
	info := paramInfo{Name: p.Name, Type: p.Type, Allowed: p.Choices, Default: p.Default, Description: p.Description}
	if p.Type == query.IntegerParam {
		info.Minimum, info.Maximum = &p.Min, &p.Max
	}
	return info
}

func (s *Server) showDocument(w http.ResponseWriter, r *http.Request) error {
	if err := noParameters(r, "openapi.json"); err != nil {
		return err
	}
	return document(w, r, s.offered().document)
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
	return send(w, func(out *reply) error { return writeLine(out, body) })
}

func noParameters(r *http.Request, name string) error {
	values, err := single(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for param := range values {
		return &query.UnknownParamError{Query: name, Param: param}
	}
	return nil
}

type statusInfo struct {
	AsOf          time.Time       `json:"as_of"`
	DatabaseBytes int64           `json:"database_bytes"`
	Lag           *int64          `json:"lag"`
	Partitions    []partitionInfo `json:"partitions"`
}

type partitionInfo struct {
	Topic         string  `json:"topic"`
	Partition     int32   `json:"partition"`
	NextOffset    int64   `json:"next_offset"`
	HighWatermark *int64  `json:"high_watermark"`
	Lag           *int64  `json:"lag"`
	LastEvent     *string `json:"last_event"`
	StoredAt      *string `json:"stored_at"`
}

func (s *Server) showStatus(w http.ResponseWriter, r *http.Request) error {
	if err := noParameters(r, "status"); err != nil {
		return err
	}
	return s.open(r.Context(), s.canned, answer.Question{}, func(_ context.Context, a *answer.Answer) error {
		fresh := &a.Freshness
		info := statusInfo{AsOf: fresh.AsOf, DatabaseBytes: s.Size(), Lag: fresh.Lag, Partitions: []partitionInfo{}}
		var ends map[freshness.Log]freshness.End
		if s.Ends != nil {
			ends = s.Ends()
		}
		for _, p := range fresh.Positions {
			info.Partitions = append(info.Partitions, newPartitionInfo(p, ends))
		}
		body, err := json.Marshal(info)
		if err != nil {
			return fmt.Errorf("write the status: %w", err)
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "application/json")
		describe(h, fresh)
		return send(w, func(out *reply) error { return writeLine(out, body) })
	})
}

func newPartitionInfo(p freshness.Position, ends map[freshness.Log]freshness.End) partitionInfo {
	info := partitionInfo{
		Topic: p.Topic, Partition: p.Partition, NextOffset: p.NextOffset,
		LastEvent: instant(p.Watermark), StoredAt: instant(p.StoredAt),
	}
	if end, known := ends[p.Log]; known {
		lag := end.Lag(p.NextOffset)
		info.HighWatermark, info.Lag = &end.HighWatermark, &lag
	}
	return info
}

func instant(ms *int64) *string {
	if ms == nil {
		return nil
	}
	text := time.UnixMilli(*ms).UTC().Format(time.RFC3339Nano)
	return &text
}

func writeLine(out io.Writer, body []byte) error {
	_, err := fmt.Fprintf(out, "%s\n", body)
	return err
}
