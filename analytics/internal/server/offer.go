package server

import (
	"fmt"

	"purchases/analytics/internal/openapi"
	"purchases/analytics/internal/query"
)

// offer is what can be asked, and its description.
type offer struct {
	queries  query.Catalogue
	version  int
	document []byte // OpenAPI
}

func (c *Config) newOffer(queries query.Catalogue, version int) (*offer, error) {
	document, err := openapi.Document(queries, c.Token != "")
	if err != nil {
		return nil, fmt.Errorf("describe the queries: %w", err)
	}
	return &offer{queries, version, document}, nil
}

// offered returns what can be asked now.
func (s *Server) offered() *offer {
	known := s.offer.Load()
	queries, version := s.Queries()
	if version == known.version {
		return known
	}
	changed, err := s.newOffer(queries, version)
	if err != nil {
		s.Log.Error("cannot offer the changed queries", "cause", err)
		return known
	}
	s.offer.Store(changed)
	return changed
}
