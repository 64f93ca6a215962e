// Package limit measures how fast SQLite itself takes what a program writes:
// it records the statements that change a database, with their values, and
// executes them again on another one, through the driver and without anything
// else. It is for benchmarks.
package limit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/database"
)

// Recorder hands out connections that record.
type Recorder struct {
	database.Connector
	mu    sync.Mutex
	calls []Change
}

// Change is one execution of a statement.
type Change struct {
	sql   string
	query bool // executed as a query, see store
	args  []driver.NamedValue
}

// Open makes a database at the path whose changes are recorded. It is the
// caller's to close.
func Open(ctx context.Context, path string) (*Recorder, *sqlx.DB, error) {
	db, err := database.Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	if err := db.Close(); err != nil {
		return nil, nil, err
	}
	r := &Recorder{}
	recording, _, err := database.Connect(ctx, path, database.WriterOptions(),
		func(c database.Connector) driver.Connector {
			r.Connector = c
			return r
		})
	return r, recording, err
}

// Take returns what was recorded since the last call, to be executed on a
// [Replica].
func (r *Recorder) Take() []Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

func (r *Recorder) note(sql string, query bool, args []driver.NamedValue) {
	if strings.HasPrefix(sql, "SELECT") || strings.HasPrefix(sql, "PRAGMA") {
		return
	}
	kept := slices.Clone(args)
	for i := range kept {
		if b, ok := kept[i].Value.([]byte); ok {
			kept[i].Value = slices.Clone(b)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, Change{sql, query, kept})
}

// Connect is of [driver.Connector].
func (r *Recorder) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c.(*sqlite3.SQLiteConn), r}, nil
}

type conn struct {
	*sqlite3.SQLiteConn
	recorder *Recorder
}

func (c *conn) ExecContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	c.recorder.note(sql, false, args)
	return c.SQLiteConn.ExecContext(ctx, sql, args)
}

func (c *conn) Prepare(sql string) (driver.Stmt, error) {
	s, err := c.SQLiteConn.Prepare(sql)
	if err != nil {
		return nil, err
	}
	return &stmt{s.(*sqlite3.SQLiteStmt), sql, c.recorder}, nil
}

type stmt struct {
	*sqlite3.SQLiteStmt
	sql      string
	recorder *Recorder
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.recorder.note(s.sql, false, args)
	return s.SQLiteStmt.ExecContext(ctx, args)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.recorder.note(s.sql, true, args)
	return s.SQLiteStmt.QueryContext(ctx, args)
}

// Replica is another database that gets the same changes.
type Replica struct {
	db       *database.Database
	conn     *sql.Conn
	prepared map[string]*sqlite3.SQLiteStmt
}

// NewReplica makes an empty database in the folder. The statements pragmas are
// executed on its connection at once.
func NewReplica(ctx context.Context, folder string, pragmas ...string) (*Replica, error) {
	db, err := database.Open(ctx, filepath.Join(folder, "replica.db"))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range pragmas {
		if _, err := conn.ExecContext(ctx, p); err != nil {
			return nil, err
		}
	}
	return &Replica{db: db, conn: conn, prepared: map[string]*sqlite3.SQLiteStmt{}}, nil
}

// Execute executes the calls.
func (r *Replica) Execute(calls []Change) error {
	return r.conn.Raw(func(driverConn any) error {
		for i := range calls {
			if err := r.execute(driverConn.(*sqlite3.SQLiteConn), &calls[i]); err != nil {
				return fmt.Errorf("%.60s: %w", calls[i].sql, err)
			}
		}
		return nil
	})
}

func (r *Replica) execute(conn *sqlite3.SQLiteConn, c *Change) error {
	s := r.prepared[c.sql]
	if s == nil {
		prepared, err := conn.Prepare(c.sql)
		if err != nil {
			return err
		}
		s = prepared.(*sqlite3.SQLiteStmt)
		r.prepared[c.sql] = s
	}
	if !c.query {
		_, err := s.ExecContext(context.Background(), c.args)
		return err
	}
	rows, err := s.QueryContext(context.Background(), c.args)
	if err != nil {
		return err
	}
	return rows.Close()
}

// Get reads one value, see [sqlx.DB.Get].
func (r *Replica) Get(dest any, query string) error { return r.db.Get(dest, query) }

// Close closes the database.
func (r *Replica) Close() error {
	for _, s := range r.prepared {
		_ = s.Close()
	}
	_ = r.conn.Close()
	return r.db.Close()
}
