// Package lag says how far a database has stored each log, and how far that is
// behind the log's end.
package lag

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/producer/kafka"
)

// Position is how far a database has stored one log.
type Position struct {
	batch.Partition
	NextOffset    int64  `db:"next_offset"`     // every record below it is stored
	LatestEventAt *int64 `db:"latest_event_at"` // of the events that are stored, milliseconds since 1970 UTC
	StoredAt      *int64 `db:"stored_at"`       // when NextOffset moved last, milliseconds since 1970 UTC
	RecordedLag   *int64 `db:"lag"`             // offsets to be stored when the log was read last; nil when unknown
	Missing       int64  // offsets that are gaps: see the table gaps
}

// LatestEvent is the time of the latest event that is stored, or zero before the first.
func (p *Position) LatestEvent() time.Time { return instant(p.LatestEventAt) }

// LastStored is when the stored offset moved last, or zero if it never did.
func (p *Position) LastStored() time.Time { return instant(p.StoredAt) }

func instant(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms).UTC()
}

// Read returns the positions in order of topic and partition.
func Read(ctx context.Context, db sqlx.QueryerContext) (list []Position, err error) {
	err = sqlx.SelectContext(ctx, db, &list, `SELECT topic, partition, next_offset, latest_event_at, stored_at, lag,
			(SELECT ifnull(sum(to_offset - from_offset + 1), 0) FROM gaps g WHERE g.topic = p.topic AND g.partition =
			p.partition) AS missing
		FROM internal_partitions p ORDER BY topic, partition`)
	if err != nil {
		return nil, fmt.Errorf("read the stored offsets: %w", err)
	}
	return list, nil
}

// Ends are where logs end, as far as that is known.
type Ends map[batch.Partition]kafka.End

// Find asks Kafka for the end of each log.
func Find(client sarama.Client, positions []Position) (Ends, error) {
	ends := make(Ends, len(positions))
	for _, p := range positions {
		end, err := kafka.FindEnd(client, p.Topic, p.Partition.Partition, p.NextOffset)
		if err != nil {
			return nil, err
		}
		ends[p.Partition] = end
	}
	return ends, nil
}

// Lag is how many offsets of one log are to be stored yet, at most: see
// [kafka.End.Lag]. It is nil when the log's end is not known.
func (e Ends) Lag(p Position) *int64 {
	end, known := e[p.Partition]
	if !known {
		return nil
	}
	n := end.Lag(p.NextOffset)
	return &n
}

// Recorded is [Position.RecordedLag], for [Total].
func Recorded(p Position) *int64 { return p.RecordedLag }

// Total is the sum over all logs, nil when the lag of one is not known.
func Total(positions []Position, of func(Position) *int64) *int64 {
	total := new(int64)
	for _, p := range positions {
		n := of(p)
		if n == nil {
			return nil
		}
		*total += *n
	}
	return total
}
