package security

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"
)

const (
	audience = "purchases-cluster"
	keyID    = "key-1"
	// Tokens and logins end within a test, so that the programs must renew both.
	tokenLifetime = 12 * time.Second
	loginLifetime = 8 * time.Second
)

// issuer gives tokens to those of its clients who know their secret, as the
// token endpoint of an identity provider does: client credentials in, a JWT
// that names the client out.
type issuer struct {
	*httptest.Server
	key *ecdsa.PrivateKey
}

func newIssuer() *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	i := &issuer{key: key}
	i.Server = httptest.NewServer(http.HandlerFunc(i.answer))
	return i
}

func (i *issuer) close() { i.Server.Close() }

// answer takes what the client asks for as scope for the audience, so that a
// test can get a token that is for another cluster.
func (i *issuer) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	id, secret, _ := r.BasicAuth()
	if r.FormValue("grant_type") != "client_credentials" || secret != password(id) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"who are you?"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": i.token(id, r.FormValue("scope")), "token_type": "Bearer", "expires_in": int(tokenLifetime.Seconds()),
	})
}

// token is signed by ES256 (RFC 7518).
func (i *issuer) token(subject, audience string) string {
	now := time.Now()
	text := part(map[string]any{"alg": "ES256", "typ": "JWT", "kid": keyID}) + "." + part(map[string]any{
		"sub": subject, "aud": audience, "iss": i.URL, "scope": []string{audience},
		"iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
	})
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func part(claims map[string]any) string {
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// keySet is the JWKS (RFC 7517) by which others check the tokens.
func (i *issuer) keySet() string {
	point, err := i.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	coordinate := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":%q,"x":%q,"y":%q}]}`,
		keyID, coordinate(point[1:33]), coordinate(point[33:]))
}
