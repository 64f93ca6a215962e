package readonly_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
)

// open returns a pool of one connection on a new database, and the writer.
func open(t *testing.T) (*readonly.Pool, *database.Database) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "odd % name?.db", "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.MustExec(`INSERT INTO users (user) VALUES ('ann')`)
	pool, err := readonly.Open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool, db
}

func snapshot(t *testing.T, pool *readonly.Pool) *readonly.Snapshot {
	t.Helper()
	s, err := pool.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exhaust runs the statement to its end.
func exhaust(ctx context.Context, db sqlx.QueryerContext, statement string) (rows int, err error) {
	answer, err := query.Select(ctx, db, statement)
	if err != nil {
		return 0, err
	}
	for _, rowErr := range answer.All() {
		if rowErr != nil {
			return rows, rowErr
		}
		rows++
	}
	return rows, nil
}

func TestReads(t *testing.T) {
	pool, _ := open(t)
	s := snapshot(t, pool)
	defer s.Close()
	for _, statement := range []string{
		"SELECT user FROM users", "VALUES (1)", "SELECT name FROM sqlite_schema WHERE name = 'users'",
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT max(n) FROM r",
		"SELECT count(*) FROM event_log", "SELECT value FROM json_each('[1]')", "SELECT count(*) OVER () FROM users",
	} {
		if rows, err := exhaust(t.Context(), s, statement); err != nil || rows != 1 {
			t.Errorf("%s: %d rows, %v", statement, rows, err)
		}
	}
}

// Attacks are run as the pool gets them where nobody looks at the text first.
func TestAttacks(t *testing.T) {
	pool, db := open(t)
	elsewhere := filepath.Join(t.TempDir(), "stolen.db")
	for _, statement := range []string{
		"ATTACH '" + elsewhere + "' AS x", "ATTACH 'file:" + elsewhere + "?mode=rwc' AS x", "ATTACH ':memory:' AS x",
		"DETACH main",
		"VACUUM INTO '" + elsewhere + "'", "VACUUM",
		"PRAGMA query_only = OFF", "PRAGMA query_only", "PRAGMA user_version = 9", "PRAGMA journal_mode = DELETE",
		"PRAGMA writable_schema = ON",
		"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA cache_size = 1000000", "PRAGMA temp_store_directory = '/'",
		"PRAGMA database_list", "PRAGMA mmap_size = 1",
		"SELECT * FROM pragma_database_list", "SELECT * FROM pragma_table_info('users')",
		`SELECT * FROM "PRAGMA_journal_mode"('delete')`,
		"SELECT * FROM sqlite_dbpage", "SELECT * FROM dbstat", "SELECT * FROM sqlite_stmt",
		"INSERT INTO users (user) VALUES ('eve')", "UPDATE users SET user = 'eve'", "DELETE FROM users", "DROP TABLE users",
		"INSERT INTO users (user) VALUES ('eve') RETURNING user", "REPLACE INTO users VALUES (1, 'eve')",
		"ALTER TABLE users RENAME TO x",
		"WITH x AS (SELECT 1) DELETE FROM users", "EXPLAIN DELETE FROM users", "EXPLAIN PRAGMA query_only = OFF",
		"CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)", "CREATE TEMP VIEW users AS SELECT 1",
		"CREATE TEMP TRIGGER x AFTER INSERT ON users BEGIN SELECT 1; END",
		"CREATE VIRTUAL TABLE temp.x USING fts3(y)", "CREATE VIRTUAL TABLE x USING rtree(a, b, c)",
		"CREATE INDEX x ON users (user)", "REINDEX", "ANALYZE",
		"SELECT load_extension('/tmp/x.so')", "SELECT fts3_tokenizer('simple', x'00')", "SELECT fts3_tokenizer('simple')",
		"BEGIN", "COMMIT", "ROLLBACK", "END", "SAVEPOINT x", "BEGIN EXCLUSIVE",
		"SELECT 1; ATTACH '" + elsewhere + "' AS x", "SELECT 1; DELETE FROM users", "SELECT 1; COMMIT",
		"SELECT readfile('/etc/passwd')", "SELECT writefile('" + elsewhere + "', 'x')", "SELECT edit('x')",
	} {
		s := snapshot(t, pool)
		if rows, err := exhaust(t.Context(), s, statement); err == nil {
			t.Errorf("%s: allowed, %d rows", statement, rows)
		}
		if rows, err := exhaust(t.Context(), s, "SELECT user FROM users WHERE user = 'ann'"); err != nil || rows != 1 {
			t.Errorf("after %s: %d rows, %v", statement, rows, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("after %s: %v", statement, err)
		}
	}
	if _, err := os.Stat(elsewhere); err == nil {
		t.Error("an attack has made a file")
	}
	var users []string
	if err := db.Select(&users, "SELECT user FROM users"); err != nil || !slices.Equal(users, []string{"ann"}) {
		t.Errorf("users are %q, %v", users, err)
	}
}

func TestLimits(t *testing.T) {
	pool, _ := open(t)
	for statement, want := range map[string]string{
		"SELECT zeroblob(1000000000)":                                       "too big",
		"SELECT printf('%.*c', 1000000000, 'x')":                            "too big",
		"SELECT replace(hex(zeroblob(100000)), '0', hex(zeroblob(100000)))": "too big",
		"SELECT 1" + strings.Repeat(" + 1", 2000):                           "Expression tree is too large",
		"SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 100):             "too many terms in compound SELECT",
		"SELECT '" + strings.Repeat("x", 100_000) + "'":                     "statement too long",
		"SELECT 'x' LIKE '" + strings.Repeat("%a", 1000) + "'":              "pattern too complex",
		"SELECT " + strings.Repeat("1,", 500) + "1":                         "too many columns",
	} {
		s := snapshot(t, pool)
		if _, err := exhaust(t.Context(), s, statement); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", statement, err, want)
		}
		_ = s.Close()
	}
}

// Whatever it does, a statement ends with its context, and the connection is
// good for the next.
func TestInterrupts(t *testing.T) {
	pool, _ := open(t)
	const endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
	for _, statement := range []string{
		endless + "SELECT n FROM r", endless + "SELECT max(n) FROM r", endless + "SELECT n FROM r ORDER BY -n",
		endless + "SELECT group_concat(n % 2) FROM (SELECT n FROM r WHERE n < 0)",
		"WITH d(x) AS (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) SELECT count(*) FROM d, d, d, d, d, d, d, d, d, d, " +
			"d, d",
	} {
		s := snapshot(t, pool)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		started := time.Now()
		_, err := exhaust(ctx, s, statement)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(started) > 5*time.Second {
			t.Errorf("%s: ended after %s with %v", statement, time.Since(started), err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestSnapshotStaysAsItWas(t *testing.T) {
	pool, db := open(t)
	s := snapshot(t, pool)
	before, _ := exhaust(t.Context(), s, "SELECT * FROM users")
	db.MustExec(`INSERT INTO users (user) VALUES ('bob')`)
	after, _ := exhaust(t.Context(), s, "SELECT * FROM users")
	if err := s.Close(); err != nil || before != 1 || after != 1 {
		t.Errorf("rows %d, then %d, %v", before, after, err)
	}
	s = snapshot(t, pool)
	defer s.Close()
	if rows, _ := exhaust(t.Context(), s, "SELECT * FROM users"); rows != 2 {
		t.Errorf("a new snapshot has %d rows", rows)
	}
}

func TestMissingDatabase(t *testing.T) {
	if _, err := readonly.Open(filepath.Join(t.TempDir(), "none.db"), 1); !errors.Is(err, database.ErrMissing) {
		t.Errorf("got %v", err)
	}
}

func TestOneStatement(t *testing.T) {
	pool, _ := open(t)
	s := snapshot(t, pool)
	defer s.Close()
	for _, statement := range []string{
		"SELECT 1; -- comment", "-- before\nSELECT 1;\n-- after", "SELECT 1 /* ; SELECT 2 */;", "SELECT 1;;; ;",
		"SELECT 1 -- ; x", "; SELECT ';' /* x", "SELECT 1;\t\n\f\r ",
	} {
		if rows, err := exhaust(t.Context(), s, statement); err != nil || rows != 1 {
			t.Errorf("%q: %d rows, %v", statement, rows, err)
		}
	}
	for _, statement := range []string{
		"SELECT 1; SELECT 2", "SELECT 1; /* x */ SELECT 2; -- y", "SELECT 1; DELETE FROM users", "SELECT 1; nonsense",
		"SELECT 1;; 'x", "", " ", "-- comment", ";",
	} {
		if rows, err := exhaust(t.Context(), s, statement); !errors.Is(err, readonly.ErrNotOneStatement) {
			t.Errorf("%q: %d rows, %v", statement, rows, err)
		}
	}
}

// watchedPool says when it has been looked at once.
type watchedPool struct {
	*readonly.Pool
	looked chan struct{}
	once   sync.Once
}

func (w *watchedPool) View(ctx context.Context, look func(sqlx.QueryerContext) error) error {
	defer w.once.Do(func() { close(w.looked) })
	return w.Pool.View(ctx, look)
}

// A record that a replay's database has is found by those who began to wait
// before the replay replaced the one that lacks it.
func TestWaitOutlastsAReplacedDatabase(t *testing.T) {
	pool, db := open(t)
	waited, watched := make(chan error, 1), &watchedPool{Pool: pool, looked: make(chan struct{})}
	go func() {
		waited <- freshness.Wait(t.Context(), watched,
			freshness.Target{Partition: batch.Partition{Topic: "analytics"}, Offset: 4})
	}()
	<-watched.looked
	file := database.NextFile(db.Path)
	next, err := database.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	next.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES ('analytics', 0, 5)`)
	if err := errors.Join(next.Close(), database.Replace(db.Path, file)); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

// A snapshot stays with the database it was taken of; the next one is of the
// database that was put in its place.
func TestFollowsAReplacedDatabase(t *testing.T) {
	pool, db := open(t)
	before := snapshot(t, pool)
	if rows, err := exhaust(t.Context(), before, "SELECT 1 FROM users WHERE user = 'ann'"); err != nil || rows != 1 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	file := database.NextFile(db.Path)
	next, err := database.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	next.MustExec(`INSERT INTO users (user) VALUES ('bob')`)
	if err := errors.Join(next.Close(), database.Replace(db.Path, file),
		database.RemoveReplaced(t.Context(), db.Path)); err != nil {
		t.Fatal(err)
	}
	if rows, err := exhaust(t.Context(), before, "SELECT 1 FROM users WHERE user = 'ann'"); err != nil || rows != 1 {
		t.Errorf("the snapshot has %d rows, %v", rows, err)
	}
	after := snapshot(t, pool)
	if rows, err := exhaust(t.Context(), after, "SELECT 1 FROM users WHERE user = 'bob'"); err != nil || rows != 1 {
		t.Errorf("the next snapshot has %d rows, %v", rows, err)
	}
	if err := errors.Join(before.Close(), after.Close()); err != nil {
		t.Error(err)
	}
}
