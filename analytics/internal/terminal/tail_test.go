package terminal_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/terminal"
)

// shop is a database with some events and dead letters.
func shop(t *testing.T) (*database.Database, *readonly.Pool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "analytics.db")
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.MustExec(`INSERT INTO users VALUES (1, 'ann'), (2, 'bob')`)
	db.MustExec(`INSERT INTO items (item_id, item, item_name) VALUES (1, 'A', 'Apple'), (2, 'B', 'Ball')`)
	db.MustExec(`INSERT INTO internal_topics (topic, role, cluster_id, topic_id) VALUES ('analytics', 'events', 'c', 't'),
		('purchases.dlq', 'dead_letters', 'c', 'u')`)
	db.MustExec(`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES ('analytics', 0, 0), ('analytics',
		1, 0), ('purchases.dlq', 0, 0)`)
	pool, err := readonly.Open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return db, pool
}

// store stores one event as `analytics run` does, in one transaction.
func store(db *database.Database, at string, partition, offset, user, item, quantity int) {
	tx := db.MustBegin()
	tx.MustExec(`INSERT INTO events (occurred_at, event_id, partition, offset, user_id, item_id, quantity, amount_micros,
		currency, processed_at)
		VALUES (unixepoch(?) * 1000, randomblob(16), ?, ?, ?, ?, ?, 2500000 * ?6, 'EUR', 0)`, at, partition, offset, user,
		item, quantity)
	tx.MustExec(`UPDATE internal_partitions SET next_offset = ?2 + 1, records = records + 1, events = events + 1 WHERE
		topic = 'analytics' AND partition = ?1`, partition, offset)
	_ = tx.Commit()
}

// reader takes what a tail writes.
type reader struct {
	lines chan string
	rest  bytes.Buffer
}

func (r *reader) Write(p []byte) (int, error) {
	r.rest.Write(p)
	for bytes.ContainsRune(r.rest.Bytes(), '\n') {
		line, _ := r.rest.ReadString('\n')
		r.lines <- strings.TrimSuffix(line, "\n")
	}
	return len(p), nil
}

func (r *reader) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-r.lines:
		return line
	case <-time.After(time.Minute):
		t.Fatal("no line came")
		return ""
	}
}

func TestTailFollows(t *testing.T) {
	db, pool := shop(t)
	store(db, "2026-01-01T10:00:00Z", 0, 0, 1, 1, 1)
	store(db, "2026-01-01T11:00:00Z", 1, 0, 2, 2, 2)
	store(db, "2026-01-01T12:00:00Z", 0, 1, 1, 2, 3)
	ctx, cancel := context.WithCancel(t.Context())
	out := &reader{lines: make(chan string)}
	o := terminal.Output{Format: render.NDJSON, Out: out, Notes: &bytes.Buffer{}}
	ended := make(chan error, 1)
	go func() { ended <- o.Follow(ctx, pool, terminal.Events(), 2, time.Millisecond) }()
	for _, want := range []string{`"occurred_at":"2026-01-01T11:00:00.000Z","kind":"purchase","user":"bob"`,
		`"2026-01-01T12:00:00.000Z"`} {
		if line := out.next(t); !strings.Contains(line, want) {
			t.Errorf("begins with %s, want %s", line, want)
		}
	}
	store(db, "2026-01-01T09:30:00Z", 1, 1, 2, 1, -2) // before all others
	if line := out.next(t); !strings.Contains(line,
		`"kind":"return","user":"bob","item":"A","item_name":"Apple","quantity":-2,"amount":"-5.00","currency":"EUR"`) {
		t.Errorf("then came %s", line)
	}
	store(db, "2026-01-01T13:00:00Z", 0, 7, 1, 1, 1)
	if line := out.next(t); !strings.Contains(line, `"2026-01-01T13:00:00.000Z"`) {
		t.Errorf("then came %s", line)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTailOfLines(t *testing.T) {
	db, pool := shop(t)
	store(db, "2026-01-01T10:00:00Z", 0, 0, 1, 1, 1234)
	ctx, cancel := context.WithCancel(t.Context())
	out := &reader{lines: make(chan string)}
	o := terminal.Output{Format: render.Table, Out: out, Notes: &bytes.Buffer{}}
	ended := make(chan error, 1)
	go func() { ended <- o.Follow(ctx, pool, terminal.Events(), 1, time.Millisecond) }()
	if got, want := out.next(t), "2026-01-01T10:00:00Z ann          A        1,234   3,085.00 EUR Apple"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTailOfDeadLetters(t *testing.T) {
	db, pool := shop(t)
	db.MustExec(`INSERT INTO rejected_causes (cause_id, topic, source_topic, reason, detail) VALUES (1, 'purchases.dlq',
		'purchases', 'missing_user', 'user is absent')`)
	ctx, cancel := context.WithCancel(t.Context())
	out := &reader{lines: make(chan string)}
	o := terminal.Output{Format: render.CSV, Out: out, Notes: &bytes.Buffer{}}
	ended := make(chan error, 1)
	go func() { ended <- o.Follow(ctx, pool, terminal.Rejected(), 5, time.Millisecond) }()
	if got, want := out.next(t), "rejected_at,reason,source,detail"; got != want {
		t.Errorf("begins with %s, want %s", got, want)
	}
	for offset := range 3 {
		tx := db.MustBegin()
		tx.MustExec(`INSERT INTO rejected (source_partition, source_offset, record_id, cause_id, partition, offset,
			rejected_at) VALUES (3, ?, randomblob(16), 1, 0, ?1, 1000)`, offset)
		tx.MustExec(`UPDATE internal_partitions SET next_offset = ? + 1, records = records + 1, rejected = rejected + 1 WHERE
			topic = 'purchases.dlq'`, offset)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if got, want := out.next(t), "1970-01-01T00:00:01.000Z,missing_user,purchases/3/"+string(rune('0'+offset))+
			",user is absent"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
