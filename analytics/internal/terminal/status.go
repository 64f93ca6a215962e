package terminal

import (
	"iter"
	"slices"
	"time"

	"purchases/analytics/internal/query"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/status"
)

// Topics has a row for each topic, with ages for people.
func Topics(list []status.Partition, now time.Time) render.Answer {
	columns := []query.Column{
		{Name: "topic", Type: query.Text}, {Name: "partitions", Type: query.Integer}, {Name: "lag", Type: query.Integer},
		{Name: "last_event", Type: query.Text}, {Name: "stored", Type: query.Text}, {Name: "missing", Type: query.Integer},
	}
	var rows []query.Row
	for topic := range topics(list) {
		var missing int64
		lag := new(int64)
		var event, stored time.Time
		for _, p := range topic {
			missing += p.Missing
			event, stored = latest(event, p.LastEvent()), latest(stored, p.LastStored())
			switch {
			case p.Lag == nil:
				lag = nil
			case lag != nil:
				*lag += *p.Lag
			}
		}
		rows = append(rows, query.Row{topic[0].Topic, int64(len(topic)), number(lag), age(event, now), age(stored, now), missing})
	}
	return withoutZeros(columns, rows)
}

// topics yields the partitions of each topic; they are in the order of topics.
func topics(list []status.Partition) iter.Seq[[]status.Partition] {
	return func(yield func([]status.Partition) bool) {
		for len(list) > 0 {
			n := slices.IndexFunc(list, func(p status.Partition) bool { return p.Topic != list[0].Topic })
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
func PartitionAges(list []status.Partition, now time.Time) render.Answer {
	columns := []query.Column{
		{Name: "topic", Type: query.Text}, {Name: "partition", Type: query.Integer}, {Name: "next_offset", Type: query.Integer},
		{Name: "high_watermark", Type: query.Integer}, {Name: "lag", Type: query.Integer}, {Name: "last_event", Type: query.Text},
		{Name: "stored", Type: query.Text}, {Name: "missing", Type: query.Integer},
	}
	rows := make([]query.Row, len(list))
	for i, p := range list {
		rows[i] = query.Row{
			p.Topic, int64(p.Partition), p.NextOffset, number(p.HighWatermark), number(p.Lag), age(p.LastEvent(), now), age(p.LastStored(), now), p.Missing,
		}
	}
	return withoutZeros(columns, rows)
}

// Partitions has a row for each partition, with times for programs.
func Partitions(list []status.Partition) render.Answer {
	columns := []query.Column{
		{Name: "topic", Type: query.Text}, {Name: "partition", Type: query.Integer}, {Name: "next_offset", Type: query.Integer},
		{Name: "high_watermark", Type: query.Integer}, {Name: "lag", Type: query.Integer}, {Name: "last_event", Type: query.Time},
		{Name: "stored_at", Type: query.Time}, {Name: "missing", Type: query.Integer},
	}
	rows := make([]query.Row, len(list))
	for i, p := range list {
		rows[i] = query.Row{
			p.Topic, int64(p.Partition), p.NextOffset, number(p.HighWatermark), number(p.Lag), instant(p.LastEvent()), instant(p.LastStored()), p.Missing,
		}
	}
	return answerOf(columns, rows)
}

// OnlyMarkersFollow says whether the high watermark of a log without lag is
// above what is stored: a transaction's marker takes an offset.
func OnlyMarkersFollow(list []status.Partition) bool {
	return slices.ContainsFunc(list, func(p status.Partition) bool {
		return p.Lag != nil && *p.Lag == 0 && p.HighWatermark != nil && *p.HighWatermark > p.NextOffset
	})
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
