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
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/freshness"
)

const (
	busyTimeout = "5000"  // milliseconds
	cacheSize   = "-4096" // KiB of each connection, negative as PRAGMA cache_size has it
)

// Pool is a set of connections that can only read. When a replay has replaced
// the database, what is asked next is asked of the new one.
type Pool struct {
	path        string
	connections int

	mu   sync.RWMutex // held for writing while db and file change
	db   *sqlx.DB
	file database.File
}

// Open opens an existing database with up to the given number of connections.
// It fails where [database.OpenReader] does.
func Open(path string, connections int) (*Pool, error) {
	p := &Pool{path: path, connections: connections}
	if err := p.open(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Pool) open() error {
	if err := database.Check(p.path); err != nil {
		return err
	}
	db, file, err := database.Connect(context.Background(), p.path, url.Values{
		"mode": {"ro"}, "_query_only": {"true"}, "_busy_timeout": {busyTimeout}, "_cache_size": {cacheSize},
	}, func(c database.Connector) driver.Connector { return guardedConnector{c} })
	if err != nil {
		return fmt.Errorf("open database %s for reading: %w", p.path, err)
	}
	db.SetMaxOpenConns(p.connections)
	db.SetMaxIdleConns(p.connections)
	p.db, p.file = db, file
	return nil
}

// follow opens the database that the path leads to by now, if another one. It
// waits for those who are taking a connection to the replaced one, which is
// then closed as they give them back.
func (p *Pool) follow() error {
	p.mu.RLock()
	replaced := p.file.Replaced()
	p.mu.RUnlock()
	if !replaced {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.file.Replaced() {
		return nil // another goroutine was first
	}
	old := p.db
	if err := p.open(); err != nil {
		return err
	}
	_ = old.Close() // nothing was written to it
	return nil
}

// take takes a connection to the database that the path leads to.
func (p *Pool) take(ctx context.Context) (*sqlx.Conn, error) {
	for {
		if err := p.follow(); err != nil {
			return nil, err
		}
		p.mu.RLock()
		c, err := p.db.Connx(ctx)
		p.mu.RUnlock()
		if !errors.Is(err, database.ErrReplaced) { // else it was replaced just now
			return c, err
		}
	}
}

// Close closes the connections.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.db.Close()
}

// Snapshot is the database as it was at one moment, on a connection of its own:
// whatever is asked of it sees the same transactions. It is for one goroutine,
// and short: while it is open, SQLite's log cannot shrink.
type Snapshot struct {
	*sqlx.Conn
}

// Snapshot waits for a free connection. The snapshot is taken at the first
// statement; the caller closes it.
func (p *Pool) Snapshot(ctx context.Context) (*Snapshot, error) {
	c, err := p.take(ctx)
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

// guardedConnector opens connections that can only read.
type guardedConnector struct{ database.Connector }

func (c guardedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
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
	c, err := p.take(ctx)
	if err != nil {
		return freshness.Freshness{}, err
	}
	defer func() { _ = c.Close() }()
	return freshness.Read(ctx, c)
}
