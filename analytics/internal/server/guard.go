package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// guard checks who asks for what, before anything else is done.
func (s *Server) guard(mux *http.ServeMux) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		newProblem(http.StatusForbidden, "cross-origin", "Requests from other sites are refused", "").write(w)
	}))
	open := s.route(mux)
	closed := crossOrigin.Handler(open)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		switch {
		case s.LocalOnly && !isLocal(r.Host):
			newProblem(http.StatusMisdirectedRequest, "host", "This server answers only requests to this machine",
				"ask for localhost or 127.0.0.1, not "+clip(r.Host)).write(w)
		case strings.HasPrefix(r.URL.Path, "/api/") && s.share(w, r): // a browser's question
		case s.Token != "" && !isOpen(r.URL.Path) && !s.authorized(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="analytics"`)
			if wantsPage(r) && s.askForToken(w, http.StatusUnauthorized, r.URL.RequestURI(), "") == nil {
				return
			}
			newProblem(http.StatusUnauthorized, "token", "A token is required", "send it as Authorization: Bearer TOKEN").
				write(w)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			routed := closed
			if strings.HasPrefix(r.URL.Path, "/api/") && s.allowsOrigin(r.Header.Get("Origin")) {
				routed = open
			}
			routed.ServeHTTP(w, withClient(r))
		}
	})
}

// secure sets what keeps a browser from using an answer in another way.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
}

// isLocal says whether the host, with or without a port, is this machine.
func isLocal(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// authorized says whether the request has the token, or the cookie of one who had it.
func (s *Server) authorized(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && s.isToken(token) || s.hasSession(r)
}

// isToken compares hashes, so that neither time nor length tells of the token.
func (s *Server) isToken(token string) bool {
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.Token))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// route gives requests that no pattern matches a problem as their answer.
func (s *Server) route(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			s.observed(pattern, mux, w, r)
			return
		}
		s.observed("none", explained(h), w, r)
	})
}

// explained answers with a problem in place of what the mux itself says.
func explained(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		none := &unmatched{header: w.Header()}
		h.ServeHTTP(none, r)
		switch {
		case none.status == http.StatusMethodNotAllowed:
			newProblem(none.status, "method", "This method is not allowed here", "allowed are "+w.Header().Get("Allow")).write(w)
		case none.status >= 300 && none.status < 400: // to the clean form of the path
			w.WriteHeader(none.status)
		default:
			newProblem(http.StatusNotFound, "not-found", "Not found", "/ is the page, and /api/v1/queries lists the queries").
				write(w)
		}
	})
}

// unmatched takes the mux's own answer, of which only the status is of use.
type unmatched struct {
	header http.Header
	status int
}

func (u *unmatched) Header() http.Header         { return u.header }
func (u *unmatched) WriteHeader(status int)      { u.status = status }
func (u *unmatched) Write(p []byte) (int, error) { return len(p), nil }
