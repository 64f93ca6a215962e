// Package answer answers a question about the database: a built-in query in
// this process, a person's own query or SELECT in a process of its own, and
// says what the answer reflects. The command line, the API and the page ask
// through it.
package answer

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/sandbox"
)

// Question is a query with its arguments, or else a SELECT. The zero value asks
// only how fresh the database is.
type Question struct {
	Query     query.Query
	Args      query.Args
	Statement string
}

// Ask finds the query and reads its arguments from the text that a user gave.
// Its errors are a [*query.UnknownError] and those of [query.Query.Bind].
func Ask(queries query.Catalogue, name string, values map[string]string) (Question, error) {
	q, found := queries.Find(name)
	if !found {
		return Question{}, &query.UnknownError{Name: name, Near: queries.Nearest(name)}
	}
	args, err := q.Bind(values)
	return Question{Query: q, Args: args}, err
}

// Select makes a question of a SELECT. Its error says what is wrong with the
// text; whether SQLite accepts it shows when it is run.
func Select(statement string) (Question, error) {
	return Question{Statement: statement}, query.CheckStatement(statement)
}

// Answer is one state of the database, in which the question is answered once.
type Answer struct {
	// Freshness is what the answer reflects.
	Freshness freshness.Freshness

	question Question
	snapshot *readonly.Snapshot // nil for an answer from another process
	sandbox  *sandbox.Answer
}

// Sandboxed says whether the answer comes from a process of its own.
func (q Question) Sandboxed() bool { return q.Statement != "" || q.Query.Own }

// Open takes the state of the database in which the question is answered. The
// caller closes it. ctx ends the answer wherever it is.
func (q Question) Open(ctx context.Context, pool *readonly.Pool) (*Answer, error) {
	a, open := &Answer{question: q}, (*Answer).openSnapshot
	if q.Sandboxed() {
		open = (*Answer).openSandbox
	}
	if err := open(a, ctx, pool); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Answer) openSandbox(ctx context.Context, pool *readonly.Pool) (err error) {
	request := sandbox.Request{Database: pool.Path(), Statement: a.question.Statement}
	if q := &a.question.Query; a.question.Statement == "" {
		request.Statement = q.SQL
		err = pool.View(ctx, func(db sqlx.QueryerContext) (err error) {
			request.Args, err = q.Bound(ctx, db, a.question.Args)
			return err
		})
		if err != nil {
			return err
		}
	}
	if a.sandbox, err = sandbox.Run(ctx, request); err != nil {
		return err
	}
	a.Freshness = a.sandbox.Freshness
	return nil
}

func (a *Answer) openSnapshot(ctx context.Context, pool *readonly.Pool) (err error) {
	if a.snapshot, err = pool.Snapshot(ctx); err != nil {
		return err
	}
	if a.Freshness, err = freshness.Read(ctx, a.snapshot); err != nil {
		return errors.Join(err, a.snapshot.Close())
	}
	return nil
}

// Rows runs the query.
func (a *Answer) Rows(ctx context.Context) (*query.Rows, error) {
	q := &a.question.Query
	switch {
	case a.sandbox == nil:
		return q.Run(ctx, a.snapshot, a.question.Args)
	case a.question.Statement != "":
		return query.ReadAny(a.sandbox)
	}
	return q.Read(a.sandbox)
}

// Close ends the answer. The rows must be closed before.
func (a *Answer) Close() error {
	if a.sandbox != nil {
		return a.sandbox.Close()
	}
	return a.snapshot.Close()
}

// Freshness reads how far the logs are stored now.
func Freshness(ctx context.Context, pool *readonly.Pool) (f freshness.Freshness, err error) {
	err = pool.View(ctx, func(db sqlx.QueryerContext) error {
		f, err = freshness.Read(ctx, db)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("read how fresh the database is: %w", err)
	}
	return f, nil
}
