// Package status compares what the database has stored with what the logs hold.
package status

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"

	"purchases/producer/kafka"
)

// Partition is how far one log has been stored. What only Kafka knows is nil
// until [AddLag] has asked it.
type Partition struct {
	Topic      string
	Partition  int32
	NextOffset int64 `db:"next_offset"` // every record below it is in the database
	Watermark  *int64
	StoredAt   *int64 `db:"stored_at"` // milliseconds since 1970 UTC
	// Missing is how many offsets had expired before they were read, see the
	// table gaps.
	Missing int64

	HighWatermark *int64 // the offset that the log's next record will get
	// Lag is how many offsets are to be read yet, at most: transaction markers
	// count, but a log whose last record is stored has none.
	Lag *int64
}

// LastEvent is the time of the latest event stored from the partition, or
// zero before the first.
func (p *Partition) LastEvent() time.Time { return millis(p.Watermark) }

// LastStored is when the stored offset last moved, or zero if it never did.
func (p *Partition) LastStored() time.Time { return millis(p.StoredAt) }

func millis(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms).UTC()
}

// Read returns the partitions that the database knows, in order.
func Read(ctx context.Context, db *sqlx.DB) ([]Partition, error) {
	var list []Partition
	err := db.SelectContext(ctx, &list,
		`SELECT topic, partition, next_offset, latest_event_at AS watermark, stored_at,
			(SELECT ifnull(sum(to_offset - from_offset + 1), 0) FROM gaps g WHERE g.topic = p.topic AND g.partition = p.partition) AS missing
		FROM internal_partitions p ORDER BY topic, partition`)
	if err != nil {
		return nil, fmt.Errorf("read the stored offsets: %w", err)
	}
	return list, nil
}

// AddLag asks Kafka for the end of each partition's log.
func AddLag(client sarama.Client, list []Partition) error {
	for i := range list {
		p := &list[i]
		end, err := client.GetOffset(p.Topic, p.Partition, sarama.OffsetNewest)
		if err != nil {
			return fmt.Errorf("find the end of %s/%d: %w", p.Topic, p.Partition, err)
		}
		last, err := kafka.LastRecord(client, p.Topic, p.Partition)
		if err != nil {
			return fmt.Errorf("find the last record of %s/%d: %w", p.Topic, p.Partition, err)
		}
		var lag int64
		if last >= p.NextOffset {
			lag = end - p.NextOffset
		}
		p.HighWatermark, p.Lag = &end, &lag
	}
	return nil
}
