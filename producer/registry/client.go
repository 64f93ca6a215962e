package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/sr"

	"purchases/producer/kafka"
)

const requestTimeout = 10 * time.Second

// Limits of a schema, which is input from elsewhere.
const (
	maxSchema     = 1 << 20 // bytes, with its references
	maxReferences = 50
	maxDepth      = 100       // of brackets in each other
	maxAnswer     = 4 << 20   // bytes of one answer: a schema with its escapes
	notFound      = 404       // a status
	subjectCodes  = 404 * 100 // error codes from here name what was not found
)

// Errors of questions for a schema. Any other error says that the registry is away:
// it does not answer, or refuses to.
var (
	// ErrNotFound says that the registry does not know the schema.
	ErrNotFound = errors.New("the schema registry does not have it")
	// ErrHostile says that the schema exceeds a limit.
	ErrHostile = errors.New("the schema exceeds a limit")
)

// Client asks one schema registry. Many goroutines may use it.
type Client struct{ sr *sr.Client }

// Open returns a client of the registry of the settings, which must name one. It
// does not connect.
func Open(s kafka.Registry) (*Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = s.TLS
	options := []sr.ClientOpt{
		sr.URLs(s.URLs...), sr.UserAgent("purchases"),
		sr.HTTPClient(&http.Client{Timeout: requestTimeout, Transport: bounded{transport}}),
	}
	if s.User != "" {
		options = append(options, sr.BasicAuth(s.User, string(s.Password)))
	}
	if s.Token != nil {
		options = append(options, sr.PreReq(func(r *http.Request) error { return authorize(s, r) }))
	}
	client, err := sr.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open the schema registry: %w", err)
	}
	return &Client{client}, nil
}

func authorize(s kafka.Registry, r *http.Request) error {
	token, err := s.Token()
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if s.LogicalCluster != "" {
		r.Header.Set("Target-Sr-Cluster", s.LogicalCluster)
	}
	if s.IdentityPool != "" {
		r.Header.Set("Confluent-Identity-Pool-Id", s.IdentityPool)
	}
	return nil
}

// bounded limits the size of answers.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = &boundedBody{answer.Body, maxAnswer}
	}
	return answer, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("%w: an answer of more than %d bytes", ErrHostile, maxAnswer)
	}
	return n, err
}

// Schema returns the schema with the id and all that it refers to.
func (c *Client) Schema(ctx context.Context, id ID) (*Schema, error) {
	found, err := c.byID(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("get schema %s: %w", id, explain(err))
	}
	s := &Schema{ID: id, Type: found.Type, Text: found.Schema}
	if err := c.resolve(ctx, s, found); err != nil {
		return nil, fmt.Errorf("get schema %s: %w", id, explain(err))
	}
	return s, nil
}

func (c *Client) byID(ctx context.Context, id ID) (sr.Schema, error) {
	if id.GUID == uuid.Nil {
		return c.sr.SchemaByID(ctx, int(id.Number))
	}
	found, err := c.sr.SchemaByGUID(ctx, id.GUID.String())
	var answer *sr.ResponseError
	if errors.As(err, &answer) && answer.StatusCode == notFound && answer.ErrorCode < subjectCodes && c.hasTypes(ctx) {
		err = ErrNotFound
	}
	return found.Schema, err
}

// hasTypes says whether there is a registry at the address. One that does not know
// GUIDs has no such path, and answers as something else at a wrong address does.
func (c *Client) hasTypes(ctx context.Context) bool {
	var types []string
	return c.sr.Do(ctx, http.MethodGet, "/schemas/types", nil, &types) == nil && len(types) > 0
}

// explain tells a registry that does not know a schema from one that is away. An
// address that is not that of a registry also answers 404, but without the error
// code of one.
func explain(err error) error {
	var answer *sr.ResponseError
	switch {
	case !errors.As(err, &answer):
		return unreachable(err)
	case answer.StatusCode == notFound && answer.ErrorCode >= subjectCodes:
		return ErrNotFound
	}
	hint := ""
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		hint = "; check basic.auth.user.info or bearer.auth.*"
	case http.StatusForbidden:
		hint = "; its credentials lack the right to read schemas"
	case notFound:
		hint = "; check schema.registry.url, there is no registry at this address"
	}
	return fmt.Errorf("the schema registry answered %s to %s %s: %.200q%s", strconv.Itoa(answer.StatusCode), answer.Method,
		answer.URL, answer.Error(), hint)
}

// unreachable says of a request that got no answer where it went, once.
func unreachable(err error) error {
	var request *url.Error
	if !errors.As(err, &request) {
		return err
	}
	return fmt.Errorf("the schema registry does not answer at %s: %w; check schema.registry.url", request.URL, request.Err)
}
