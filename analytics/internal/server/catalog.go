package server

import (
	"fmt"

	"purchases/analytics/internal/query"
	"purchases/analytics/internal/server/openapi"
)

// catalogSnapshot is what can be asked, and its description.
type catalogSnapshot struct {
	queries  query.Catalogue
	version  int
	document []byte // OpenAPI
}

func (c *Config) newCatalog(queries query.Catalogue, version int) (*catalogSnapshot, error) {
	document, err := openapi.Document(queries, c.Token != "")
	if err != nil {
		return nil, fmt.Errorf("describe the queries: %w", err)
	}
	return &catalogSnapshot{queries, version, document}, nil
}

// catalog returns what can be asked now.
func (s *Server) catalog() *catalogSnapshot {
	known := s.known.Load()
	queries, version := s.Queries()
	if version == known.version {
		return known
	}
	changed, err := s.newCatalog(queries, version)
	if err != nil {
		s.Log.Error("cannot offer the changed queries", "cause", err)
		return known
	}
	s.known.Store(changed)
	return changed
}

func (s *Server) find(name string) (query.Query, error) {
	queries := s.catalog().queries
	q, ok := queries.Find(name)
	if !ok {
		p := newProblem(404, "unknown-query", "Unknown query",
			"GET /api/v1/queries lists all queries; did you mean one of the allowed names?")
		p.Allowed = queries.Nearest(clip(name))
		return q, p
	}
	return q, nil
}
