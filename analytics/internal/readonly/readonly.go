// Package readonly answers SQL that nobody has checked: it opens the database
// in a pool of its own, on connections that can read it and nothing else, and
// shows it as it is at one moment. Each connection has an authorizer that
// allows only what a SELECT needs, may attach nothing and holds no large value.
//
// How long a statement runs is for the context to say: when that ends, SQLite
// is interrupted. The number of connections bounds how many run at a time. The
// package does not look at the text of a statement: see query.CheckStatement.
package readonly

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/freshness"
)

const (
	busyTimeout = "5000"  // milliseconds
	cacheSize   = "-4096" // KiB of each connection, negative as PRAGMA cache_size has it
)

// Pool is a set of connections that can only read.
type Pool struct{ db *sqlx.DB }

// Open opens an existing database with up to the given number of connections.
// It fails where [database.OpenReader] does.
func Open(path string, connections int) (*Pool, error) {
	if err := database.Check(path); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s for reading: %w", path, err)
	}
	uri := url.URL{Scheme: "file", Path: absolute, RawQuery: url.Values{
		"mode": {"ro"}, "_query_only": {"true"}, "_busy_timeout": {busyTimeout}, "_cache_size": {cacheSize},
	}.Encode()}
	db := sqlx.NewDb(sql.OpenDB(connector{uri.String()}), "sqlite3")
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s for reading: %w", path, err), db.Close())
	}
	return &Pool{db}, nil
}

// Close closes the connections.
func (p *Pool) Close() error { return p.db.Close() }

// Snapshot is the database as it was at one moment, on a connection of its own:
// whatever is asked of it sees the same transactions. It is for one goroutine,
// and short: while it is open, SQLite's log cannot shrink.
type Snapshot struct {
	*sqlx.Conn
}

// Snapshot waits for a free connection. The snapshot is taken at the first
// statement; the caller closes it.
func (p *Pool) Snapshot(ctx context.Context) (*Snapshot, error) {
	c, err := p.db.Connx(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a snapshot of the database: %w", err)
	}
	if err := c.Raw(func(raw any) error { return raw.(*conn).execute("BEGIN") }); err != nil {
		return nil, errors.Join(fmt.Errorf("open a snapshot of the database: %w", err), c.Close())
	}
	return &Snapshot{c}, nil
}

// Close ends the snapshot. Rows that were read from it must be closed before.
func (s *Snapshot) Close() error {
	err := s.Raw(func(raw any) error {
		if raw.(*conn).execute("ROLLBACK") != nil {
			return driver.ErrBadConn // the pool then drops the connection, and with it the transaction
		}
		return nil
	})
	if errors.Is(err, driver.ErrBadConn) {
		return nil
	}
	return errors.Join(err, s.Conn.Close())
}

// connector opens connections without a driver's name, of which a process has
// only one set.
type connector struct{ dsn string }

func (c connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	guarded := &conn{SQLiteConn: opened.(*sqlite3.SQLiteConn)}
	if err := guarded.restrict(); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return guarded, nil
}

// Wait waits until the database reflects the target, see [freshness.Wait].
func (p *Pool) Wait(ctx context.Context, t freshness.Target) error {
	return freshness.Wait(ctx, p.db, t)
}

// Freshness reads how far the logs are stored now.
func (p *Pool) Freshness(ctx context.Context) (freshness.Freshness, error) {
	return freshness.Read(ctx, p.db)
}
