package terminal

import (
	"iter"
	"slices"
	"time"

	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
)

// Topics has a row for each topic, the one before the processors first, with
// ages for people. No backlog is known where it is nil.
func Topics(list []lag.Position, ends lag.Ends, backlog *lag.Backlog, now time.Time) render.Answer {
	columns := []query.Column{
		{Name: "topic", Type: query.Text}, {Name: "partitions", Type: query.Integer}, {Name: "lag", Type: query.Integer},
		{Name: "last_event", Type: query.Text}, {Name: "stored", Type: query.Text}, {Name: "missing", Type: query.Integer},
	}
	var rows []query.Row
	if b := backlog; b != nil {
		rows = append(rows, query.Row{b.Topic, int64(b.Partitions), b.Lag, nil, nil, int64(0)})
	}
	for topic := range topics(list) {
		var missing int64
		var event, stored time.Time
		for _, p := range topic {
			missing += p.Missing
			event, stored = latest(event, p.LatestEvent()), latest(stored, p.LastStored())
		}
		rows = append(rows, query.Row{
			topic[0].Topic, int64(len(topic)), number(lag.Total(topic, ends.Lag)), age(event, now), age(stored, now), missing,
		})
	}
	return withoutZeros(columns, rows)
}

// topics yields the partitions of each topic; they are in the order of topics.
func topics(list []lag.Position) iter.Seq[[]lag.Position] {
	return func(yield func([]lag.Position) bool) {
		for len(list) > 0 {
			n := slices.IndexFunc(list, func(p lag.Position) bool { return p.Topic != list[0].Topic })
			if n < 0 {
				n = len(list)
			}
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// PartitionAges has a row for each partition, with ages for people.
func PartitionAges(list []lag.Position, ends lag.Ends, now time.Time) render.Answer {
	columns := []query.Column{
		{Name: "topic", Type: query.Text}, {Name: "partition", Type: query.Integer},
		{Name: "next_offset", Type: query.Integer},
		{Name: "high_watermark", Type: query.Integer}, {Name: "lag", Type: query.Integer},
		{Name: "last_event", Type: query.Text},
		{Name: "stored", Type: query.Text}, {Name: "missing", Type: query.Integer},
	}
	rows := make([]query.Row, len(list))
	for i, p := range list {
		rows[i] = query.Row{
			p.Topic, int64(p.Partition.Partition), p.NextOffset, highWatermark(p, ends), number(ends.Lag(p)),
			age(p.LatestEvent(), now), age(p.LastStored(), now), p.Missing,
		}
	}
	return withoutZeros(columns, rows)
}

// Partitions has a row for each partition, with times for programs.
func Partitions(list []lag.Position, ends lag.Ends) render.Answer {
	columns := []query.Column{
		{Name: "topic", Type: query.Text}, {Name: "partition", Type: query.Integer},
		{Name: "next_offset", Type: query.Integer},
		{Name: "high_watermark", Type: query.Integer}, {Name: "lag", Type: query.Integer},
		{Name: "last_event", Type: query.Time},
		{Name: "stored_at", Type: query.Time}, {Name: "missing", Type: query.Integer},
	}
	rows := make([]query.Row, len(list))
	for i, p := range list {
		rows[i] = query.Row{
			p.Topic, int64(p.Partition.Partition), p.NextOffset, highWatermark(p, ends), number(ends.Lag(p)),
			instant(p.LatestEvent()), instant(p.LastStored()), p.Missing,
		}
	}
	return answerOf(columns, rows)
}

// OnlyMarkersFollow says whether the high watermark of a log without lag is
// above what is stored: a transaction's marker takes an offset.
func OnlyMarkersFollow(list []lag.Position, ends lag.Ends) bool {
	return slices.ContainsFunc(list, func(p lag.Position) bool {
		n := ends.Lag(p)
		return n != nil && *n == 0 && ends[p.Partition].HighWatermark > p.NextOffset
	})
}

func highWatermark(p lag.Position, ends lag.Ends) any {
	if end, known := ends[p.Partition]; known {
		return end.HighWatermark
	}
	return nil
}

// withoutZeros leaves the last column out when nothing is missing.
func withoutZeros(columns []query.Column, rows []query.Row) render.Answer {
	last := len(columns) - 1
	if !slices.ContainsFunc(rows, func(row query.Row) bool { return row[last] != int64(0) }) {
		columns = columns[:last]
		for i := range rows {
			rows[i] = rows[i][:last]
		}
	}
	return answerOf(columns, rows)
}

func answerOf(columns []query.Column, rows []query.Row) render.Answer {
	return render.Answer{Columns: columns, Rows: func(yield func(query.Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func number(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func age(t, now time.Time) any {
	if t.IsZero() {
		return nil
	}
	return Age(t, now)
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339)
}
