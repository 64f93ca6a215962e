package sandbox_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

// newDatabase makes a database with 5,000 users, and returns its path.
func newDatabase(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "odd % name?.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.MustExec(`WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5000) INSERT INTO users (user)
		SELECT 'user ' || n FROM r`)
	return path
}

// collect reads all rows of an answer.
func collect(ctx context.Context, r sandbox.Request) (rows []query.Row, err error) {
	a, err := sandbox.Run(ctx, r)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	for row, err := range a.All() {
		if err != nil {
			return rows, err
		}
		rows = append(rows, slices.Clone(row))
	}
	return rows, nil
}

func TestValuesKeepTheirTypes(t *testing.T) {
	rows, err := collect(t.Context(), sandbox.Request{
		Database: newDatabase(t), Statement: `VALUES (NULL, 9007199254740993, 1.0, 'x' || char(0) || 'é', x'00ff', 9e999, :n, :s, CAST(x'ff' AS TEXT)); -- all`,
		Args: []query.Arg{{Name: "n", Value: int64(-7)}, {Name: "s", Value: "7"}},
	})
	want := []query.Row{{nil, int64(9007199254740993), 1.0, "x\x00é", []byte{0, 255}, math.Inf(1), int64(-7), "7", "\xff"}}
	if err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("rows are %#v, %v", rows, err)
	}
}

func TestStatementsThatAreWrong(t *testing.T) {
	path := newDatabase(t)
	for statement, want := range map[string]string{
		"SELECT absent FROM users":    "no such column: absent",
		"DELETE FROM users":           "not authorized",
		"SELECT 1; SELECT 2":          "a second follows",
		"-- nothing":                  "there is none",
		"SELECT :x":                   "no parameters here",
		"SELECT zeroblob(1000000000)": "too big",
		"SELECT sum(9223372036854775807) FROM (SELECT 1 UNION ALL SELECT 2)": "integer overflow",
		"SELECT " + strings.TrimSuffix(strings.Repeat("hex(zeroblob(130000)),", 40),
			","): "a row has 10400000 bytes, the limit is 8388608",
	} {
		_, err := collect(t.Context(), sandbox.Request{Database: path, Statement: statement})
		if own := (*sandbox.StatementError)(nil); !errors.As(err, &own) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50s: %v, want %s", statement, err, want)
		}
	}
}

func TestDatabasesThatAreNone(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{text: "is not a SQLite database", text + ".not": "no database at"} {
		_, err := collect(t.Context(), sandbox.Request{Database: path, Statement: "SELECT 1"})
		if own := (*sandbox.StatementError)(nil); err == nil || errors.As(err, &own) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// doubling is a short statement that grows without bound while SQLite compiles
// it: each step names the one before twice.
func doubling(steps int) string {
	letters := "abcdefghijklmnopqrstuvwxyz"
	text := "WITH a(v) AS (SELECT user_id FROM users)"
	for i := range steps {
		before, name := letters[i:i+1], letters[i+1:i+2]
		text += ", " + name + "(v) AS (SELECT v * v FROM " + before + ")"
	}
	return text + " SELECT v FROM " + letters[steps:steps+1]
}

// three is a large number of rows.
const three = " FROM users a, users b, users c"

// Statements that SQLite cannot be talked out of inside the process that
// runs them.
func hostile() map[string]string {
	long := "WITH s(x, y) AS MATERIALIZED (SELECT replace(hex(zeroblob(60000)), '0', 'c'), " +
		"replace(hex(zeroblob(10000)), '00', 'dd') || 'c') "
	return map[string]string{
		"compile":  doubling(24),
		"function": long + "SELECT " + strings.Repeat("length(rtrim(x, y)) + ", 40) + "length(ltrim(x, y)) FROM s",
		"group":    "SELECT json_group_object(a.user, hex(zeroblob(100000))), group_concat(hex(zeroblob(100000)))" + three,
		"sort":     "SELECT hex(randomblob(90000)) AS x" + three + " ORDER BY x LIMIT 1 OFFSET 99999",
		"distinct": "SELECT count(DISTINCT zeroblob(200000) || a.user || b.user)" + three,
		"window": "SELECT sum(length(z)) OVER (ORDER BY u ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM " +
			"(SELECT zeroblob(200000) AS z, a.user AS u" + three + ")",
		"material": "WITH m AS MATERIALIZED (SELECT zeroblob(200000) AS z" + three + ") SELECT count(*) FROM m",
		"queue": "WITH RECURSIVE r(n, z) AS (SELECT 1, zeroblob(200000) UNION ALL SELECT n + 1, zeroblob(200000) FROM " +
			"r) SELECT n FROM r ORDER BY z",
		"union":   "SELECT zeroblob(200000) || a.user || b.user" + three + " UNION SELECT 1",
		"endless": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
		"wide":    "SELECT " + strings.TrimSuffix(strings.Repeat("hex(zeroblob(130000)),", 200), ",") + three,
	}
}

// Each ends by a limit: of memory, or of time.
func TestHostileStatementsEnd(t *testing.T) {
	path := newDatabase(t)
	const limit = 500 * time.Millisecond
	for name, statement := range hostile() {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, err := collect(ctx, sandbox.Request{Database: path, Statement: statement})
		own := (*sandbox.StatementError)(nil)
		if !errors.Is(err, sandbox.ErrMemory) && !errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &own) {
			t.Errorf("%s ended with %v", name, err)
		}
		cancel()
	}
}

// The process is gone as soon as nobody reads its answer.
func TestTheProcessEndsWithItsReader(t *testing.T) {
	path := newDatabase(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, err := sandbox.Run(ctx, sandbox.Request{Database: path, Statement: "SELECT hex(randomblob(1000))" + three})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, err := range a.All() {
		if rows++; rows == 10 {
			cancel()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after %d rows: %v", rows, err)
		}
	}
	if err := a.Close(); err != nil || !a.Ended() {
		t.Errorf("after its reader has left, the process is there: %v", err)
	}
	a, err = sandbox.Run(t.Context(), sandbox.Request{Database: path, Statement: "SELECT 1" + three})
	if err == nil {
		err = a.Close()
	}
	if err != nil || !a.Ended() {
		t.Errorf("after Close, the process is there: %v", err)
	}
}

func BenchmarkStart(b *testing.B) {
	path := newDatabase(b)
	for b.Loop() {
		if _, err := collect(b.Context(),
			sandbox.Request{Database: path, Statement: "SELECT count(*) FROM users"}); err != nil {
			b.Fatal(err)
		}
	}
}
