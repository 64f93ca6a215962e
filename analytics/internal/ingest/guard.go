package ingest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/producer/kafka"
)

// ErrOtherLog is the error of a database that was built from another log than
// the one at hand.
var ErrOtherLog = errors.New("the database was built from another log")

// buildAnew is the way out that is always there.
const buildAnew = "run `analytics run --db NEW.db` to build a database from the log as it is now"

// verifyTopic refuses a cluster or a topic that is not the bound one.
func (bound origin) verifyTopic(found origin) error {
	switch {
	case bound.ClusterID != found.ClusterID:
		return fmt.Errorf("topic %q: %w: of cluster %s, and this cluster is %s; run `analytics run --bootstrap-servers "+
			"HOST:PORT` with the brokers of the first, "+
			"or `analytics run --db NEW.db` to build a database from this one", bound.Topic, ErrOtherLog, bound.ClusterID, found.ClusterID)
	case bound.TopicID != found.TopicID:
		return fmt.Errorf("topic %q: %w: the topic was deleted and recreated (its id was %s, now it is %s); %s",
			bound.Topic, ErrOtherLog, bound.TopicID, found.TopicID, buildAnew)
	}
	return nil
}

// gapError is the error of a position that the log no longer reaches back to.
type gapError struct {
	partition batch.Partition
	from, to  int64 // the offsets that are missing, inclusive
}

func (e *gapError) Error() string {
	return fmt.Sprintf("%s: offsets %d to %d expired before they were read; run `analytics run --on-gap accept` to "+
		"continue without them and record the gap",
		e.partition, e.from, e.to)
}

// position is how far a partition has been stored or read.
type position struct {
	next   int64
	last   *batch.Fingerprint // of the last record, nil before the first
	epoch  int32              // of the leader whose log has it
	isNew  bool               // and has no row yet
	newest int64              // where the log of a new one ends
}

// positionRow is the position as the table partitions has it.
type positionRow struct {
	Next          int64  `db:"next_offset"`
	LastOffset    *int64 `db:"last_offset"`
	LastTimestamp *int64 `db:"last_timestamp"`
	LastCRC       *int64 `db:"last_crc"`
}

func (row positionRow) position() position {
	at := position{next: row.Next}
	if row.LastOffset != nil && row.LastTimestamp != nil && row.LastCRC != nil {
		at.last = &batch.Fingerprint{Offset: *row.LastOffset, Timestamp: *row.LastTimestamp, CRC: uint32(*row.LastCRC)}
	}
	return at
}

// storedPosition returns a new position when the partition has none.
func storedPosition(ctx context.Context, db *sqlx.DB, p batch.Partition) (position, error) {
	var row positionRow
	err := db.GetContext(ctx, &row,
		`SELECT next_offset, last_offset, last_timestamp, last_crc FROM internal_partitions WHERE topic = ? AND partition = ?`,
		p.Topic, p.Partition)
	if errors.Is(err, sql.ErrNoRows) {
		return position{isNew: true}, nil
	}
	if err != nil {
		return position{}, fmt.Errorf("read the stored offset of %s: %w", p, err)
	}
	return row.position(), nil
}

// Bounds are the first offset that a log has and the one its next record gets.
type Bounds struct{ Oldest, Newest int64 }

// FindBounds asks for the bounds of every partition of the topics.
func FindBounds(ctx context.Context, client sarama.Client, topics Topics) (map[batch.Partition]Bounds, error) {
	all := map[batch.Partition]Bounds{}
	for _, topic := range topics.names() {
		partitions, err := kafka.Partitions(client, topic)
		if err != nil {
			return nil, err
		}
		for _, n := range partitions {
			p := batch.Partition{Topic: topic, Partition: n}
			if all[p], err = findBounds(ctx, client, p); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func findBounds(ctx context.Context, client sarama.Client, p batch.Partition) (b Bounds, err error) {
	if b.Oldest, err = offset(ctx, client, p, sarama.OffsetOldest); err != nil {
		return b, fmt.Errorf("find the start of %s: %w", p, err)
	}
	if b.Newest, err = offset(ctx, client, p, sarama.OffsetNewest); err != nil {
		return b, fmt.Errorf("find the end of %s: %w", p, err)
	}
	return b, nil
}

// staleLeaderGrace is how long another log may be no more than a broker that was paused or
// cut off and does not know yet that it leads no longer: it answers from a log
// that ends early. It learns within a second, a busy one within two.
const staleLeaderGrace = 3 * time.Second

// verifyLog refuses a log that does not go on at the position: one that has
// expired behind it (a gapError), was truncated below it, or was truncated and
// has grown past it again. It is an ErrOtherLog only if it stays so until the
// given time. known is false when the last record has expired or been compacted
// away, so that the last of these cannot be told.
func verifyLog(ctx context.Context, client sarama.Client, p batch.Partition, at position,
	until time.Time) (known bool, err error) {
	for {
		known, err = verifyLogNow(ctx, client, p, at)
		if !errors.Is(err, ErrOtherLog) || time.Now().After(until) {
			return known, err
		}
		if err := pause(ctx, electionPause); err != nil {
			return false, err
		}
		_ = client.RefreshMetadata(p.Topic) // fails with what the comparison will say
	}
}

func verifyLogNow(ctx context.Context, client sarama.Client, p batch.Partition, at position) (known bool, err error) {
	b, err := findBounds(ctx, client, p)
	switch {
	case err != nil:
		return false, err
	case at.next < b.Oldest:
		return false, &gapError{p, at.next, b.Oldest - 1}
	case at.next > b.Newest:
		return false, fmt.Errorf("%s: %w: stored up to offset %d, and the log ends at %d: it was truncated or restored "+
			"from an old copy; %s",
			p, ErrOtherLog, at.next, b.Newest, buildAnew)
	}
	switch {
	case at.last == nil:
		return true, nil
	case at.last.Offset < b.Oldest:
		return false, nil
	}
	return verifyRecord(client, p, at.last)
}

// verifyRecord refuses a log that has another record at the offset. Where it
// has none, the log was compacted: all other logs fill every offset.
func verifyRecord(client sarama.Client, p batch.Partition, want *batch.Fingerprint) (known bool, err error) {
	found, err := recordAt(client, p, want.Offset)
	switch {
	case errors.Is(err, errNoRecord):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read %s at offset %d again: %w", p, want.Offset, err)
	case found == nil || *found != *want:
		return false, fmt.Errorf("%s: %w: at offset %d stands %s, the one stored was %s: the log was truncated and has "+
			"grown again, "+
			"as after an unclean leader election; %s", p, ErrOtherLog, want.Offset, describe(found), describe(want), buildAnew)
	}
	return true, nil
}
