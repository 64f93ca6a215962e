package terminal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	pretty "github.com/jedib0t/go-pretty/v6/text"
	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/query"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/render"
)

// Tail is a kind of record that can be followed as it is stored.
type Tail struct {
	columns []query.Column // the last two are the place in the log, which is not shown
	newest  string         // a SELECT of these, the newest first
	stored  string         // a SELECT of how many each log has had: topic, partition, next offset, records
	line    []cell
}

// cell is one column of a line. The last one takes what is left.
type cell struct {
	column, width int
	number        bool
}

// scanned is how many of the newest rows are looked through for new ones.
const scanned = 100_000

// Events are purchases and returns.
func Events() Tail {
	return Tail{
		columns: []query.Column{
			{Name: "occurred_at", Type: query.Time}, {Name: "kind", Type: query.Text}, {Name: "user", Type: query.Text},
			{Name: "item", Type: query.Text},
			{Name: "item_name", Type: query.Text}, {Name: "quantity", Type: query.Integer}, {Name: "amount", Type: query.Money},
			{Name: "currency", Type: query.Text},
			{Name: "order_number", Type: query.Text}, {Name: "partition", Type: query.Integer},
			{Name: "offset", Type: query.Integer},
		},
		newest: `SELECT strftime('%Y-%m-%dT%H:%M:%fZ', e.occurred_at / 1000.0, 'unixepoch') AS occurred_at, iif(e.quantity >
			0, 'purchase', 'return') AS kind,
				u.user, i.item, i.item_name, e.quantity, e.amount_micros AS amount, e.currency, o.order_number, e.partition,
				e.offset
			FROM events e
			JOIN users u ON u.user_id = e.user_id
			JOIN items i ON i.item_id = e.item_id
			LEFT JOIN orders o ON o.order_id = e.order_id
			ORDER BY e.occurred_at DESC, e.event_id DESC`,
		stored: `SELECT partition, next_offset, events + retracted AS records FROM internal_partitions
			WHERE topic IN (SELECT topic FROM internal_topics WHERE role = 'events')`,
		line: []cell{{0, 20, false}, {2, 12, false}, {3, 8, false}, {5, 5, true}, {6, 10, true}, {7, 3, false},
			{4, 0, false}},
	}
}

// Rejected are dead letters.
func Rejected() Tail {
	return Tail{
		columns: []query.Column{
			{Name: "rejected_at", Type: query.Time}, {Name: "reason", Type: query.Text}, {Name: "source", Type: query.Text},
			{Name: "detail", Type: query.Text},
			{Name: "partition", Type: query.Integer}, {Name: "offset", Type: query.Integer},
		},
		newest: `SELECT rejected_at, reason, source, detail, partition, offset FROM rejected_log
			WHERE topic IN (SELECT topic FROM internal_topics WHERE role = 'dead_letters')
			ORDER BY rejected_at DESC, partition DESC, offset DESC`,
		stored: `SELECT partition, next_offset, rejected AS records FROM internal_partitions
			WHERE topic IN (SELECT topic FROM internal_topics WHERE role = 'dead_letters')`,
		line: []cell{{0, 20, false}, {1, 18, false}, {2, 18, false}, {3, 0, false}},
	}
}

// progress is how far one partition has been stored.
type progress struct {
	Partition  int64
	NextOffset int64 `db:"next_offset"`
	Records    int64 // of the kind that is followed
}

// Follow writes the last n records, then each one that is stored, until ctx
// ends, which is no error. It looks every interval.
func (o *Output) Follow(ctx context.Context, pool *readonly.Pool, t Tail, n int, interval time.Duration) error {
	f := &follower{Output: *o, tail: t}
	if o.Format == render.JSON {
		f.Format = render.NDJSON
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	err := f.begin(ctx, pool, n)
	for ; err == nil; err = f.update(ctx, pool) {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

type follower struct {
	Output
	tail    Tail
	next    map[int64]int64 // the offset up to which each partition has been shown
	records int64           // of all partitions
	begun   bool            // the header of a CSV is written
}

func (f *follower) begin(ctx context.Context, pool *readonly.Pool, n int) error {
	return f.look(ctx, pool, func(s *readonly.Snapshot, now []progress) error {
		rows, err := f.collect(ctx, s, int64(n), func(query.Row) bool { return true })
		if err != nil {
			return err
		}
		f.advance(now)
		return f.show(rows)
	})
}

// update shows what has been stored since. A database that a replay has
// replaced is read like the one before it: the offsets are those of the log.
func (f *follower) update(ctx context.Context, pool *readonly.Pool) error {
	return f.look(ctx, pool, func(s *readonly.Snapshot, now []progress) error {
		before, count := f.next, f.records
		f.advance(now)
		added := f.records - count
		if added <= 0 {
			return nil
		}
		rows, err := f.collect(ctx, s, added, func(row query.Row) bool {
			return row[len(row)-1].(int64) >= before[row[len(row)-2].(int64)]
		})
		if err != nil {
			return err
		}
		return f.show(rows)
	})
}

func (f *follower) look(ctx context.Context, pool *readonly.Pool,
	show func(*readonly.Snapshot, []progress) error) (err error) {
	s, err := pool.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var now []progress
	if err := sqlx.SelectContext(ctx, s, &now, f.tail.stored); err != nil {
		return fmt.Errorf("read how far the logs are stored: %w", err)
	}
	return show(s, now)
}

func (f *follower) advance(now []progress) {
	f.next, f.records = map[int64]int64{}, 0
	for _, p := range now {
		f.next[p.Partition] = p.NextOffset
		f.records += p.Records
	}
}

// collect returns up to n of the newest rows that are wanted, the oldest first.
func (f *follower) collect(ctx context.Context, s *readonly.Snapshot, n int64,
	wanted func(query.Row) bool) (found []query.Row, err error) {
	if n == 0 {
		return nil, nil
	}
	q := query.Query{Name: "tail", SQL: f.tail.newest, Columns: f.tail.columns}
	rows, err := q.Run(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	looked := 0
	for row, err := range rows.All() {
		if err != nil {
			return nil, err
		}
		if wanted(row) {
			found = append(found, slices.Clone(row))
		}
		if looked++; int64(len(found)) == n || looked == scanned {
			break
		}
	}
	slices.Reverse(found)
	return found, nil
}

func (f *follower) show(rows []query.Row) error {
	if f.Format == render.Table {
		return f.lines(rows)
	}
	shown := len(f.tail.columns) - 2
	_, err := render.Write(f.Out, f.Format,
		render.Answer{Columns: f.tail.columns[:shown], Rows: func(yield func(query.Row, error) bool) {
			for _, row := range rows {
				if !yield(row[:shown], nil) {
					return
				}
			}
		}}, render.Options{NoHeader: f.begun, SafeCSV: f.SafeCSV})
	f.begun = true
	return err
}

// lines writes a line for each row, cut to the terminal's width, if it has one.
func (f *follower) lines(rows []query.Row) error {
	width := f.fit().Width
	for _, row := range rows {
		cells := make([]string, len(f.tail.line))
		for i, c := range f.tail.line {
			cells[i] = f.cell(row, c, width > 0)
		}
		line := strings.TrimRight(strings.Join(cells, " "), " ")
		if width > 0 {
			line = pretty.Snip(line, width, "…")
		}
		if _, err := fmt.Fprintln(f.Out, line); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) cell(row query.Row, c cell, narrow bool) string {
	value := render.Cell(f.tail.columns, row, c.column)
	if f.tail.columns[c.column].Type == query.Time {
		if seconds, _, hasFraction := strings.Cut(value, "."); hasFraction {
			value = seconds + "Z"
		}
	}
	switch {
	case c.number:
		return pretty.AlignRight.Apply(value, c.width)
	case narrow && c.width > 0:
		value = pretty.Snip(value, c.width, "…")
	}
	return pretty.Pad(value, c.width, ' ')
}
