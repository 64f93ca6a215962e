package server

import (
	"net/http"
	"time"
)

// observed answers by h, and tells of the route, the status and the duration.
func (s *Server) observed(route string, h http.Handler, w http.ResponseWriter, r *http.Request) {
	if s.Answered == nil {
		h.ServeHTTP(w, r)
		return
	}
	begun, noted := time.Now(), &noting{ResponseWriter: w, status: http.StatusOK}
	defer func() { s.Answered(route, noted.status, time.Since(begun)) }() // also of an answer that is cut off
	h.ServeHTTP(noted, r)
}

// noting keeps the status of an answer.
type noting struct {
	http.ResponseWriter
	status int
	begun  bool
}

// WriteHeader implements [http.ResponseWriter].
func (n *noting) WriteHeader(status int) {
	if !n.begun && status >= http.StatusOK { // what comes before are hints
		n.begun, n.status = true, status
	}
	n.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (n *noting) Write(p []byte) (int, error) {
	n.begun = true
	return n.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher]. What cannot be sent now is sent at the end.
func (n *noting) Flush() { _ = http.NewResponseController(n.ResponseWriter).Flush() }

// Unwrap is for [http.ResponseController].
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }
