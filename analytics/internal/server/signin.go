package server

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"purchases/analytics/internal/page"
)

const (
	themeCookie   = "theme"
	sessionCookie = "purchases_session"
	sessionTime   = 30 * 24 * time.Hour
	themeTime     = 365 * 24 * time.Hour
)

// session is what the cookie holds: not the token, because browsers send a
// cookie to every port of a host.
func (s *Server) session() string {
	sum := sha256.Sum256([]byte("session\x00" + s.Token))
	return hex.EncodeToString(sum[:])
}

func (s *Server) hasSession(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(s.session())) == 1
}

// isOpen says whether a request needs no token.
func isOpen(path string) bool { return path == "/sign-in" || strings.HasPrefix(path, "/assets/") }

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) error {
	if s.Token == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	return s.askForToken(w, http.StatusOK, "/", "")
}

// askForToken shows the form for it.
func (s *Server) askForToken(w http.ResponseWriter, status int, next, fault string) error {
	var b bytes.Buffer
	l := &page.Layout{Title: "Sign in", Database: s.name(), Params: url.Values{}, Problem: fault}
	if err := s.pages.SignIn(&b, l, next); err != nil {
		return fmt.Errorf("write the page for the token: %w", err)
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pageSecurity)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // a client that is gone needs no answer
	return nil
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return newProblem(http.StatusBadRequest, "body", "The form cannot be read", clip(err.Error()))
	}
	next := localPath(r.PostForm.Get("next"))
	if s.Token == "" || !s.isToken(strings.TrimSpace(r.PostForm.Get("token"))) {
		return s.askForToken(w, http.StatusUnauthorized, next, "Wrong token.")
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: s.session(), Path: "/", MaxAge: int(sessionTime / time.Second),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true,
		SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// setTheme is for a browser without scripts.
func (s *Server) setTheme(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return newProblem(http.StatusBadRequest, "body", "The form cannot be read", clip(err.Error()))
	}
	theme := "dark"
	if cookie, err := r.Cookie(themeCookie); err == nil && cookie.Value == "dark" {
		theme = "light"
	}
	http.SetCookie(w, &http.Cookie{
		Name: themeCookie, Value: theme, Path: "/", MaxAge: int(themeTime / time.Second), SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, localPath(r.PostForm.Get("next")), http.StatusSeeOther)
	return nil
}

// localPath keeps a form from leading to another site.
func localPath(next string) string {
	u, err := url.Parse(next)
	local := err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(next, "/")
	if !local || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return u.String()
}

// asset sends a file beside the pages, which never changes under its name.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	file, found := s.pages.Assets.Find(r.PathValue("name"))
	if !found {
		return newProblem(http.StatusNotFound, "not-found", "Not found", "there is no such file; reload the page")
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", file.ContentType)
	h.Add("Vary", "Accept-Encoding")
	body := file.Body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = file.Gzipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that is gone needs no answer
	return nil
}
