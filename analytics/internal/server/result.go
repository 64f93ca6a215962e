package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"net/http"
	"slices"
	"sync"
	"time"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
)

// result is a whole answer in memory. While it is sent, nothing of the database
// is held for it.
type result struct {
	fresh   *freshness.Freshness
	columns []query.Column
	rows    []query.Row
	bytes   int64 // about what the rows take
	hash    string
}

// collect reads all rows, up to largestResult.
func collect(fresh *freshness.Freshness, columns []query.Column, rows iter.Seq2[query.Row, error]) (*result, error) {
	r := &result{fresh: fresh, columns: columns}
	hash := sha256.New()
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		for _, value := range row {
			text, isText := value.(string)
			if !isText {
				text = fmt.Sprint(value)
			}
			_, _ = fmt.Fprintf(hash, "%T %d ", value, len(text)) // never fails
			_, _ = io.WriteString(hash, text)
			r.bytes += valueBytes + int64(len(text))
		}
		if r.rows = append(r.rows, slices.Clone(row)); r.bytes > largestResult {
			return nil, newProblem(http.StatusUnprocessableEntity, "too-large", "The answer is too large",
				fmt.Sprintf("the limit is %d MiB; ask for fewer rows", largestResult>>20))
		}
	}
	r.hash = short(hash)
	return r, nil
}

// all yields the rows.
func (r *result) all() iter.Seq2[query.Row, error] {
	return func(yield func(query.Row, error) bool) {
		for _, row := range r.rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// ask answers a question, the same for the API, for events and for pages.
func (s *Server) ask(ctx context.Context, q answer.Question) (r *result, err error) {
	key := q.Statement + fmt.Sprintf("%s %q %s", q.Query.Name, q.Args, q.Query.SQL)
	err = s.open(ctx, q, func(ctx context.Context, a *answer.Answer) error {
		if r = s.answers.find(&a.Freshness, key); r != nil {
			return nil
		}
		defer s.noteQuery(q, time.Now())
		rows, err := a.Rows(ctx)
		if err != nil {
			return err
		}
		defer rows.Close()
		all := rows.All()
		if q.Statement != "" {
			all = query.Limit(all, maxRows)
		}
		r, err = collect(&a.Freshness, rows.Columns(), all)
		return err
	})
	if err == nil {
		s.answers.keep(key, r)
	}
	return r, err
}

// noteQuery tells of a query that was run, also of one that failed.
func (s *Server) noteQuery(q answer.Question, begun time.Time) {
	if s.Asked == nil {
		return
	}
	name := q.Query.Name
	if q.Statement != "" {
		name = "sql"
	}
	s.Asked(name, time.Since(begun))
}

// freshness reads how far the logs are stored now.
func (s *Server) freshness(ctx context.Context) (fresh *freshness.Freshness, err error) {
	err = s.open(ctx, answer.Question{}, func(_ context.Context, a *answer.Answer) error {
		fresh = &a.Freshness
		return nil
	})
	return fresh, err
}

// open waits for its turn and answers from the database as it then is, for at
// most the time limit.
func (s *Server) open(ctx context.Context, q answer.Question,
	work func(context.Context, *answer.Answer) error) (err error) {
	turns := s.canned
	if q.Sandboxed() {
		turns = s.sql
	}
	release, err := turns.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	a, err := q.Open(ctx, s.Pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if s.Kafka != nil {
		a.Freshness.SetLag(s.Kafka().Ends)
	}
	return work(ctx, a)
}

// tag is an ETag that changes with what is stored and with the rows, so that
// equal tags mean equal answers. It is weak: an answer also says when it was
// given. What tells apart other things, such as the format, is given beside.
func (r *result) tag(beside string) string {
	hash := sha256.New()
	_, _ = fmt.Fprint(hash, r.hash, beside) // never fails
	return `W/"` + r.fresh.Tag() + "-" + short(hash) + `"`
}

// hashOf tells apart different texts.
func hashOf(text []byte) string {
	h := sha256.New()
	_, _ = h.Write(text) // never fails
	return short(h)
}

func short(h hash.Hash) string {
	const enough = 12 // bytes, against chance and ill will
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:enough])
}

const (
	keptFor      = time.Second // after which an answer says too little of the present
	mostKept     = 256         // answers
	largestKept  = 64 << 10    // bytes of one
	valueBytes   = 32          // about what a value takes beside its text
	maxSendBytes = 64 << 20    // of all answers that are being sent
	// largestResult is what one answer may take: a quarter, so that one client,
	// which may have half, can get two.
	largestResult = maxSendBytes / 4
)

// answerCache holds the answers to what has been asked since the stored offsets
// moved last: many who ask the same at the same time cost as much as one.
type answerCache struct {
	mu      sync.Mutex
	tag     string // of the stored offsets
	answers map[string]*result
}

// find returns the answer, if there is one for these offsets that is not old.
func (c *answerCache) find(now *freshness.Freshness, key string) *result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.answers[key]
	if r == nil || c.tag != now.Tag() || now.AsOf.Sub(r.fresh.AsOf) >= keptFor {
		return nil
	}
	return r
}

func (c *answerCache) keep(key string, r *result) {
	if r.bytes > largestKept {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if tag := r.fresh.Tag(); c.tag != tag || len(c.answers) >= mostKept {
		c.tag, c.answers = tag, map[string]*result{}
	}
	c.answers[key] = r
}
