package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/page"
)

// costly says how much longer than a panel took the server waits until it asks
// for the panel again.
const costly = 10

// pageStream tells one page which of its panels have changed. The page then asks
// for these.
type pageStream struct {
	*stream
	layout *page.Layout
	panels []page.Panel
	seen   string // tag of the stored offsets at the latest look
	at     time.Time
	known  map[string]panelState
}

type panelState struct {
	tag  string
	next time.Time // when the panel may be asked for again
}

func (s *Server) streamPage(w http.ResponseWriter, r *http.Request, build builder) error {
	l, panels, err := s.prepare(r, build)
	if err != nil {
		return err
	}
	st, release, err := s.openStream(w, r)
	if err != nil || st == nil {
		return err
	}
	defer release()
	p := &pageStream{stream: st, layout: l, panels: panels, seen: r.URL.Query().Get(seenParameter),
		known: map[string]panelState{}}
	st.run(r.Context(), func(ctx context.Context) error { return p.update(ctx, r, build) })
	return nil
}

// update looks at the panels when something was stored, and at those of the
// moment always. The first look only remembers what the page shows already.
func (s *pageStream) update(ctx context.Context, r *http.Request, build builder) error {
	now, err := answer.Freshness(ctx, s.server.Pool)
	if err != nil {
		return err
	}
	first := len(s.known) == 0
	moved := now.Tag() != s.seen || time.Since(s.at) >= aliveEvery
	if moved && !first {
		if s.layout, s.panels, err = s.server.prepare(r.WithContext(ctx), build); err != nil {
			return err
		}
	}
	changed, waiting, err := s.look(ctx, moved || first)
	if err != nil {
		return err
	}
	missed := first && now.Tag() == s.seen
	if !waiting {
		s.seen, s.at = now.Tag(), time.Now()
	}
	if missed || len(changed) == 0 {
		return nil
	}
	body, err := json.Marshal(changed)
	if err != nil {
		return fmt.Errorf("write which panels have changed: %w", err)
	}
	return s.write(fmt.Sprintf("event: changed\ndata: %s\n\n", body))
}

// look returns the panels that have changed, and whether one was left out
// because it takes long.
func (s *pageStream) look(ctx context.Context, all bool) (changed []string, waiting bool, err error) {
	for _, p := range s.panels {
		state := s.known[p.ID]
		switch {
		case !all && !p.Moving():
			continue
		case time.Now().Before(state.next):
			waiting = true
			continue
		}
		began := time.Now()
		_, tag, err := s.server.renderPanel(ctx, s.layout, p)
		if err != nil {
			return nil, false, err
		}
		if tag != state.tag {
			changed = append(changed, p.ID)
		}
		s.known[p.ID] = panelState{tag, time.Now().Add(costly * time.Since(began))}
	}
	return changed, waiting, nil
}
