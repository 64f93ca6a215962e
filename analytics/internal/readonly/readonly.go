// Package readonly opens a pool of connections that can read the database and
// nothing else, and shows it as it is at one moment. Each connection has an
// authorizer that allows only what a SELECT needs, attaches nothing, holds no
// large value, and runs one statement of a text.
//
// A context ends a statement by interrupting SQLite, which does not reach into
// a single function call or into compilation: SQL that nobody has checked runs
// in a process of its own, see package sandbox.
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
)

const (
	busyTimeout = "5000"  // milliseconds
	cacheSize   = "-4096" // KiB of each connection, negative as PRAGMA cache_size has it
)

// Pool is a set of connections that can only read. When a replay has replaced
// the database, the next connection leads to the new one.
type Pool struct {
	path        string
	connections int
	heap        int64 // bytes, see OpenConfined

	mu   sync.RWMutex // held for writing while db and file change
	db   *sqlx.DB
	file database.File
}

// Open opens an existing database with up to the given number of connections.
// It fails where [database.OpenReader] does.
func Open(path string, connections int) (*Pool, error) {
	return open(&Pool{path: path, connections: connections})
}

// OpenConfined opens an existing database with one connection, and limits what
// SQLite allocates in this whole process to heap bytes. Sorting and temporary
// tables count, for they never go to a file.
func OpenConfined(path string, heap int64) (*Pool, error) {
	return open(&Pool{path: path, connections: 1, heap: heap})
}

func open(p *Pool) (*Pool, error) {
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
	}, func(c database.Connector) driver.Connector { return guardedConnector{c, p.heap} })
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

// Path is where the database is.
func (p *Pool) Path() string { return p.path }

// Close closes the connections.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.db.Close()
}

// Snapshot is the database as it was at one moment, on a connection of its own:
// all its statements see the same transactions. It is for one goroutine, and
// short: while it is open, the write-ahead log cannot shrink.
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
type guardedConnector struct {
	database.Connector
	heap int64
}

func (c guardedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	guarded := &conn{SQLiteConn: opened.(*sqlite3.SQLiteConn)}
	if err := guarded.restrict(c.heap); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return guarded, nil
}

// View calls look with a connection to the database that the path leads to
// now. The connection is good until look returns; look sees no snapshot.
func (p *Pool) View(ctx context.Context, look func(sqlx.QueryerContext) error) error {
	c, err := p.take(ctx)
	if err != nil {
		return fmt.Errorf("take a connection to the database: %w", err)
	}
	return errors.Join(look(c), c.Close())
}
