package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/render"
)

const (
	aliveEvery  = 15 * time.Second // a comment, when nothing has changed
	eventTime   = 5 * time.Second  // in which a client takes an event, or is dropped
	largestData = 4 << 20          // bytes of an event
)

// errGone is a client that has gone or does not read.
var errGone = errors.New("the client does not take the events")

// stream is one client that listens to a query.
type stream struct {
	server  *Server
	request *request
	w       http.ResponseWriter
	control *http.ResponseController
	tag     string    // of the last answer that was sent
	sent    time.Time // when something was sent last
}

// streamQuery sends the answer now and whenever the stored offsets have
// changed, as server-sent events, each the JSON of the whole answer.
func (s *Server) streamQuery(w http.ResponseWriter, r *http.Request) error {
	req, err := s.parse(r)
	if err != nil {
		return err
	}
	if req.format != render.JSON && r.URL.Query().Has(formatParameter) {
		return wrongParameter(formatParameter, "events are JSON", string(render.JSON))
	}
	req.format = render.JSON
	if err := s.wait(r.Context(), req.target); err != nil {
		return err
	}
	release, err := s.streams.take(r.Context())
	if err != nil {
		return err
	}
	defer release()
	st := &stream{server: s, request: req, w: w, control: http.NewResponseController(w), tag: r.Header.Get("Last-Event-ID")}
	if err := st.begin(); err != nil {
		return nil // the client has gone
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	if err := st.run(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errGone) {
		st.fail(err)
	}
	return nil
}

func (s *stream) begin() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy is not to hold events back
	if err := s.control.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("begin a stream of events: %w", err)
	}
	return s.write(fmt.Sprintf("retry: %d\n\n", (2 * s.server.EventInterval).Milliseconds()))
}

func (s *stream) run(ctx context.Context) error {
	ticker := time.NewTicker(s.server.EventInterval)
	defer ticker.Stop()
	for {
		if err := s.update(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// update sends the answer if it may have changed.
func (s *stream) update(ctx context.Context) error {
	now, err := answer.Freshness(ctx, s.server.Pool)
	if err != nil {
		return err
	}
	if s.request.tag(&now) == s.tag {
		if time.Since(s.sent) < aliveEvery {
			return nil
		}
		return s.write(": nothing new\n\n")
	}
	event, err := s.answer(ctx)
	if err != nil {
		return err
	}
	return s.write(event)
}

// answer runs the query, and lets go of the database before the client gets
// anything.
func (s *stream) answer(ctx context.Context) (event string, err error) {
	var data bytes.Buffer
	question := s.request.question
	err = s.server.open(ctx, s.server.turns(question), question, func(ctx context.Context, a *answer.Answer) error {
		s.tag = s.request.tag(&a.Freshness)
		if known, ok := s.server.kept.find(&a.Freshness, s.request.asked()); ok {
			return writeTo(&data, known.body)
		}
		return s.request.write(ctx, &data, a)
	})
	if err == nil && data.Len() > largestData {
		err = newProblem(http.StatusUnprocessableEntity, "too-large", "The answer is too large for an event", fmt.Sprintf("the limit is %d bytes; ask for fewer rows", largestData))
	}
	return fmt.Sprintf("event: answer\nid: %s\ndata: %s\n", s.tag, data.String()), err
}

// fail tells the client why the stream ends.
func (s *stream) fail(err error) {
	p := explain(err)
	if p.Status == http.StatusInternalServerError {
		s.server.Log.Error("cannot go on with a stream of events", "query", s.request.question.Query.Name, "cause", err)
	}
	body, err := json.Marshal(p)
	if err == nil {
		_ = s.write(fmt.Sprintf("event: problem\ndata: %s\n\n", body)) // the stream ends either way
	}
}

// write sends the text. A client that does not take it in time is dropped.
func (s *stream) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(eventTime)); err != nil {
		return fmt.Errorf("limit the time of an event: %w", err)
	}
	s.sent = time.Now()
	if _, err := s.w.Write([]byte(text)); err != nil {
		return errGone
	}
	if err := s.control.Flush(); err != nil {
		return errGone
	}
	return nil
}
