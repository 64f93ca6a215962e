package readonly

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// Limits of one statement (https://sqlite.org/limits.html). They bound memory
// and the work between two points at which SQLite looks for an interrupt.
const (
	maxValue     = 256 << 10 // bytes of a text, a blob or a row
	maxStatement = 64 << 10  // bytes of SQL
	maxColumns   = 200       // of a table, a result, a GROUP BY
	maxDepth     = 100       // of an expression
	maxCompound  = 50        // SELECTs joined by UNION and its like
	maxPattern   = 200       // bytes of a LIKE or GLOB pattern
	maxProgram   = 50_000    // instructions of a compiled statement
	maxArguments = 64        // of a function
	noAttached   = 0
	noTriggers   = 0
	noWorkers    = 0
)

const (
	recursive = 33 // SQLITE_RECURSIVE, which go-sqlite3 does not name
	allow     = sqlite3.SQLITE_OK
	deny      = sqlite3.SQLITE_DENY
)

// ErrNotOneStatement is the error of a text that holds no statement, or several.
var ErrNotOneStatement = errors.New("want one statement")

// ErrParameters is the error of a statement with parameters for which there are
// no values.
var ErrParameters = errors.New("a statement has no parameters here: write the value itself")

// conn is a connection whose statements are restricted, but for its own.
type conn struct {
	*sqlite3.SQLiteConn
	own bool
}

func (c *conn) restrict(heap int64) error {
	for limit, value := range map[int]int{
		sqlite3.SQLITE_LIMIT_LENGTH: maxValue, sqlite3.SQLITE_LIMIT_SQL_LENGTH: maxStatement,
		sqlite3.SQLITE_LIMIT_COLUMN: maxColumns, sqlite3.SQLITE_LIMIT_EXPR_DEPTH: maxDepth,
		sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: maxCompound, sqlite3.SQLITE_LIMIT_VDBE_OP: maxProgram,
		sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: maxPattern, sqlite3.SQLITE_LIMIT_FUNCTION_ARG: maxArguments,
		sqlite3.SQLITE_LIMIT_ATTACHED: noAttached, sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: noTriggers,
		sqlite3.SQLITE_LIMIT_WORKER_THREADS: noWorkers,
	} {
		c.SetLimit(limit, value)
	}
	c.RegisterAuthorizer(c.authorize)
	if err := c.execute("PRAGMA trusted_schema = OFF"); err != nil || heap == 0 {
		return err
	}
	return errors.Join(c.execute("PRAGMA temp_store = MEMORY"),
		c.execute(fmt.Sprintf("PRAGMA hard_heap_limit = %d", heap)))
}

// QueryContext leaves it to database/sql to prepare the statement and to run
// that. The driver's own QueryContext would run each statement of the text and
// answer with the last, which is an empty one behind a comment.
func (c *conn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, driver.ErrSkip
}

// PrepareContext fails with [ErrNotOneStatement] unless the text is one
// statement. Comments, white space and semicolons may follow it.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	prepared, err := c.SQLiteConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if err := c.checkOnlyStatement(ctx, prepared); err != nil {
		return nil, errors.Join(err, prepared.Close())
	}
	return statement{prepared.(*sqlite3.SQLiteStmt)}, nil
}

// statement takes more named values than it has parameters.
type statement struct{ *sqlite3.SQLiteStmt }

// NumInput has database/sql leave the number of values to QueryContext.
func (s statement) NumInput() int { return -1 }

func (s statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 && s.SQLiteStmt.NumInput() > 0 {
		return nil, ErrParameters
	}
	return s.SQLiteStmt.QueryContext(ctx, args)
}

func (c *conn) checkOnlyStatement(ctx context.Context, statement driver.Stmt) error {
	if empty(statement) {
		return fmt.Errorf("%w: there is none", ErrNotOneStatement)
	}
	for rest := tail(statement); rest != ""; {
		next, err := c.SQLiteConn.PrepareContext(ctx, rest)
		if err != nil || !empty(next) {
			if err == nil {
				_ = next.Close()
			}
			return fmt.Errorf("%w: a second follows, %.40q", ErrNotOneStatement, rest)
		}
		rest = tail(next)
	}
	return nil
}

// tail is the text behind the statement. The driver has it from SQLite, whose
// tokenizer alone knows where a statement ends, but does not export it.
func tail(statement driver.Stmt) string {
	return reflect.ValueOf(statement).Elem().FieldByName("t").String()
}

// empty tells a text of nothing but white space and comments.
func empty(statement driver.Stmt) bool {
	return reflect.ValueOf(statement).Elem().FieldByName("s").IsNil()
}

// execute runs a statement of this package.
func (c *conn) execute(statement string) error {
	c.own = true
	defer func() { c.own = false }()
	_, err := c.ExecContext(context.Background(), statement, nil)
	return err
}

// authorize is asked while a statement is compiled, once for each thing that
// it would do (https://sqlite.org/c3ref/c_alter_table.html).
func (c *conn) authorize(action int, first, second, _ string) int {
	switch {
	case c.own:
		return allow
	case action == sqlite3.SQLITE_SELECT, action == recursive:
		return allow
	case action == sqlite3.SQLITE_READ && !internal(first):
		return allow
	case action == sqlite3.SQLITE_FUNCTION && !dangerous(second):
		return allow
	}
	return deny
}

// internal tables show or set what is not data: a PRAGMA as a table, the pages
// of the file, the statements of the process.
func internal(table string) bool {
	table = strings.ToLower(table)
	for _, prefix := range []string{"pragma_", "sqlite_dbpage", "sqlite_stmt", "dbstat", "bytecode", "tables_used"} {
		if strings.HasPrefix(table, prefix) {
			return true
		}
	}
	return false
}

func dangerous(function string) bool {
	switch strings.ToLower(function) {
	case "load_extension", "fts3_tokenizer", "readfile", "writefile", "edit":
		return true
	}
	return false
}
