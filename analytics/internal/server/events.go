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
var errGone = errors.New("the client does not receive the events")

// stream is one client that listens.
type stream struct {
	server  *Server
	w       http.ResponseWriter
	control *http.ResponseController
	sent    time.Time // when something was sent last
}

// openStream begins a stream of events, or for HEAD only its header. It returns
// nil and no error where there is nothing to stream.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) (st *stream, release func(), err error) {
	h := w.Header()
	if r.Method != http.MethodHead {
		if release, err = s.streams.take(r.Context(), 1); err != nil {
			return nil, nil, err
		}
	}
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept")
	h.Set("X-Accel-Buffering", "no") // a proxy is not to hold events back
	if r.Method == http.MethodHead {
		return nil, nil, nil
	}
	st = &stream{server: s, w: w, control: http.NewResponseController(w)}
	if err := st.control.SetReadDeadline(time.Time{}); err != nil {
		release()
		return nil, nil, fmt.Errorf("begin a stream of events: %w", err)
	}
	return st, release, nil
}

// run calls update at once and then at each interval, until the client or the
// server ends the stream, or update fails.
func (s *stream) run(ctx context.Context, update func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.server.stopping, func() { cancel(errStopping) })()
	err := s.write(fmt.Sprintf("retry: %d\n\n", (2 * s.server.EventInterval).Milliseconds()))
	ticker := time.NewTicker(s.server.EventInterval)
	defer ticker.Stop()
	for err == nil {
		if err = update(ctx); err == nil && time.Since(s.sent) >= aliveEvery {
			err = s.write(": nothing new\n\n")
		}
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-ticker.C:
		}
	}
	if !errors.Is(err, errGone) {
		s.fail(err)
	}
}

// fail tells the client why the stream ends.
func (s *stream) fail(err error) {
	p := explain(err)
	if p.Status == http.StatusInternalServerError {
		s.server.Log.Error("cannot continue a stream of events", "cause", err)
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

// queryStream sends the answers to one query.
type queryStream struct {
	*stream
	request *request
	looked  string    // tag of the stored offsets at the latest look
	at      time.Time // of the latest look
	rows    string    // hash of the rows that were sent
	tag     string    // of the answer that was sent
}

// streamQuery sends the answer now and whenever its rows have changed, as
// server-sent events, each the JSON of the whole answer.
func (s *Server) streamQuery(w http.ResponseWriter, r *http.Request) error {
	req, err := s.parse(r)
	if err != nil {
		return err
	}
	if req.form.format != render.JSON && r.URL.Query().Has(formatParameter) {
		return wrongParameter(formatParameter, "events are JSON", string(render.JSON))
	}
	req.form.format = render.JSON
	if err := s.wait(r.Context(), req.target); err != nil {
		return err
	}
	st, release, err := s.openStream(w, r)
	if err != nil || st == nil {
		return err
	}
	defer release()
	q := &queryStream{stream: st, request: req, tag: r.Header.Get("Last-Event-ID")}
	st.run(r.Context(), q.update)
	return nil
}

// update sends the answer if its rows have changed.
func (s *queryStream) update(ctx context.Context) error {
	now, err := answer.Freshness(ctx, s.server.Pool)
	if err != nil {
		return err
	}
	if now.Tag() == s.looked && time.Since(s.at) < aliveEvery {
		return nil
	}
	req := s.request
	found, err := s.server.ask(ctx, req.Question)
	if err != nil {
		return err
	}
	tag := found.tag(req.form.key(req.Question))
	unchanged := found.hash == s.rows || tag == s.tag
	s.at, s.looked, s.rows, s.tag = time.Now(), found.fresh.Tag(), found.hash, tag
	if unchanged {
		return nil
	}
	return s.sendAnswer(found)
}

func (s *queryStream) sendAnswer(found *result) error {
	var data bytes.Buffer
	err := s.request.form.write(&data, s.request.Question, found)
	if err == nil && data.Len() > largestData {
		err = newProblem(http.StatusUnprocessableEntity, "too-large", "The answer is too large for an event",
			fmt.Sprintf("the limit is %d bytes; ask for fewer rows", largestData))
	}
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("event: answer\nid: %s\ndata: %s\n", s.tag, data.String()))
}
