package kafka

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"purchases/producer/cmdline"
)

const tokenTimeout = 3 * time.Second

// tokenError is a failure to get a token, which is not the broker's.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// tokens fetches a token with the client's credentials, and again when it
// expires. All connections share it.
type tokens struct {
	endpoint   string
	source     oauth2.TokenSource
	extensions map[string]string
}

// Token returns a token that is valid now.
func (t *tokens) Token() (*sarama.AccessToken, error) {
	token, err := t.source.Token()
	if err != nil {
		return nil, &tokenError{fmt.Errorf("get a token from %s: %w", t.endpoint, shortError(err))}
	}
	return &sarama.AccessToken{Token: token.AccessToken, Extensions: t.extensions}, nil
}

// shortError leaves out the endpoint's whole answer, which may be a page or repeat
// what was sent.
func shortError(err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return err
	}
	text := answer.Response.Status
	if answer.ErrorCode != "" {
		text += fmt.Sprintf(", %s %q", answer.ErrorCode, answer.ErrorDescription)
	}
	return fmt.Errorf("it answered %s; check sasl.oauthbearer.client.id, its secret and sasl.oauthbearer.scope", text)
}

func (v values) oauth() (*tokens, error) {
	for _, name := range []string{"token.endpoint.url", "client.id", "client.secret"} {
		if v.text("sasl.oauthbearer."+name) == "" {
			return nil, cmdline.Usagef("sasl.mechanism=OAUTHBEARER needs sasl.oauthbearer.%s", name)
		}
	}
	endpoint, err := tokenEndpoint(v["sasl.oauthbearer.token.endpoint.url"])
	if err != nil {
		return nil, err
	}
	extensions, err := v.extensions()
	if err != nil {
		return nil, err
	}
	credentials := clientcredentials.Config{
		ClientID:     v.text("sasl.oauthbearer.client.id"),
		ClientSecret: v.text("sasl.oauthbearer.client.secret"),
		TokenURL:     endpoint.String(),
		Scopes:       strings.Fields(v.text("sasl.oauthbearer.scope")),
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Timeout: tokenTimeout})
	return &tokens{endpoint: endpoint.Redacted(), source: credentials.TokenSource(ctx), extensions: extensions}, nil
}

// tokenEndpoint refuses to send a secret in clear text to another machine.
func tokenEndpoint(v value) (*url.URL, error) {
	endpoint, err := url.Parse(v.text)
	if err != nil || endpoint.Host == "" {
		return nil, cmdline.Usagef("%s: sasl.oauthbearer.token.endpoint.url: want https://host/path", v.source)
	}
	local := loopback([]string{endpoint.Hostname() + ":0"})
	if endpoint.Scheme != "https" && (endpoint.Scheme != "http" || !local) {
		return nil, cmdline.Usagef("%s: sasl.oauthbearer.token.endpoint.url: want https, because it receives the client's "+
			"secret", v.source)
	}
	return endpoint, nil
}

func (v values) extensions() (map[string]string, error) {
	set := v["sasl.oauthbearer.extensions"]
	if set.text == "" {
		return nil, nil
	}
	extensions := map[string]string{}
	for pair := range strings.SplitSeq(set.text, ",") {
		key, text, found := strings.Cut(strings.TrimSpace(pair), "=")
		if !found || key == "" {
			return nil, cmdline.Usagef("%s: sasl.oauthbearer.extensions: want key=value,...", set.source)
		}
		extensions[key] = text
	}
	return extensions, nil
}
