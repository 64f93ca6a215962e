package endtoend_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
)

// live runs `analytics run` on the database until the test ends, and asks it
// all the time.
func (l *someLog) live(path string) {
	l.t.Helper()
	l.running(path)
	askAllTheTime(l.t, path)
}

// running starts the program that keeps the database, and stops it in the end.
func (l *someLog) running(path string, flags ...string) {
	l.t.Helper()
	run := l.program(append([]string{"run", "--db", path}, flags...)...)
	var said bytes.Buffer
	run.Stderr = &said
	if err := run.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = run.Process.Signal(os.Interrupt)
		if err := run.Wait(); err != nil {
			l.t.Errorf("analytics run: %v\n%s", err, said.String())
		}
	})
}

// askAllTheTime asks the database until the test ends: it must always answer,
// from complete data, and never from fewer events than it has now.
func askAllTheTime(t *testing.T, path string) {
	t.Helper()
	least, err := countEvents(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	asked := make(chan error, 1)
	go func() { asked <- askUntil(ctx, path, least) }()
	t.Cleanup(func() {
		stop()
		if err := <-asked; err != nil {
			t.Errorf("asked while the replay went on: %v", err)
		}
	})
}

func askUntil(ctx context.Context, path string, least int64) error {
	for ctx.Err() == nil {
		events, err := countEvents(path)
		if err != nil {
			return err
		}
		if events < least {
			return fmt.Errorf("%d events, there were %d", events, least)
		}
		time.Sleep(poll)
	}
	return nil
}

// countEvents counts them in two ways, which must agree.
func countEvents(path string) (events int64, err error) {
	db, err := database.OpenReader(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	var counted int64
	err = db.QueryRow(`SELECT (SELECT count(*) FROM events), (SELECT ifnull(sum(purchases + returns), 0) FROM stats_total)`).Scan(&events, &counted)
	if err == nil && events != counted {
		err = fmt.Errorf("%d events, and %d in the totals", events, counted)
	}
	return events, err
}

func (l *someLog) stored(path string) (n int64) {
	l.t.Helper()
	db, err := database.OpenReader(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Get(&n, `SELECT ifnull(sum(records), 0) FROM internal_partitions`); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// becomesRight waits until the running program has stored all that was sent.
func (l *someLog) becomesRight(path string) {
	l.t.Helper()
	for deadline := time.Now().Add(patience); l.stored(path) < int64(l.sent) && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if err := l.hasAll(path); err != nil {
		l.t.Error(err)
	}
}

// rows are those of a canned query, without the header.
func (l *someLog) rows(path string, query ...string) [][]string {
	l.t.Helper()
	c := l.program(append([]string{"query", "--db", path, "--output", "csv"}, query...)...)
	out, err := c.Output()
	if err != nil {
		l.t.Fatalf("query %v: %v", query, err)
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		l.t.Fatal(err)
	}
	return rows[1:]
}

// change writes to a database that nobody else has open.
func change(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// says1 is says for a command that ends with exit code 1.
func (l *someLog) says1(args ...string) string {
	l.t.Helper()
	c := l.program(args...)
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 {
		l.t.Fatalf("%v: exit code %d, want 1\n%s", args, c.ProcessState.ExitCode(), out)
	}
	return string(out)
}
