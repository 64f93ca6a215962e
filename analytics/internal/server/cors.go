package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// CheckOrigins finds what is no origin, such as a URL with a path.
func CheckOrigins(origins []string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || origin != u.Scheme+"://"+u.Host) {
			return fmt.Errorf("%.100q: want an origin such as https://grafana.example, or *", origin)
		}
	}
	return nil
}

// allowsOrigin says whether pages of the origin may read the API.
func (s *Server) allowsOrigin(origin string) bool {
	return origin != "" && (slices.Contains(s.Origins, origin) || slices.Contains(s.Origins, "*"))
}

// share lets pages of the allowed origins read the API, with a token where there
// is one, never with a cookie. It says whether the request was only a browser's
// question, which is then answered.
func (s *Server) share(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !s.allowsOrigin(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers",
		"ETag, Purchases-As-Of, Purchases-Offsets, Purchases-Last-Event, Purchases-Lag, Retry-After")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
