package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/producer/kafka"
)

// origin is what tells one topic from all others of its name.
type origin struct {
	Topic     string
	Role      string // what the database keeps of it
	ClusterID string `db:"cluster_id"`
	TopicID   string `db:"topic_id"`
}

// bind ties the database to these topics of this cluster, or checks that it is
// tied to them. It writes only when nothing is refused.
func bind(ctx context.Context, db *database.Database, client sarama.Client,
	topics Topics) (origins []origin, err error) {
	stored, err := storedOrigins(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, wanted := range topics.roles() {
		found, err := retryWhileElecting(ctx, client, wanted.Topic,
			func() (origin, error) { return findOrigin(client, wanted.Topic) })
		if err != nil {
			return nil, err
		}
		found.Role = wanted.Role
		if err := compareOrigins(stored, found); err != nil {
			return nil, err
		}
		origins = append(origins, found)
	}
	_, err = db.NamedExecContext(ctx,
		`INSERT INTO internal_topics (topic, role, cluster_id, topic_id) VALUES (:topic, :role, :cluster_id, :topic_id)
		ON CONFLICT DO UPDATE SET role = excluded.role`, origins)
	if err != nil {
		return nil, fmt.Errorf("bind the database to topic %q and topic %q: %w", topics.Events, topics.DeadLetters, err)
	}
	return origins, nil
}

// compareOrigins refuses a topic that is not the stored one of its role.
func compareOrigins(stored []origin, found origin) error {
	for _, bound := range stored {
		switch {
		case bound.Topic == found.Topic && bound.Role != found.Role && bound.Role != "":
			return fmt.Errorf("topic %q: %w: the database holds it as a topic of %s, not of %s", found.Topic, ErrOtherLog,
				bound.Role, found.Role)
		case bound.Topic == found.Topic:
			if err := bound.verifyTopic(found); err != nil {
				return err
			}
		case bound.Role == found.Role:
			return fmt.Errorf("topic %q: %w: the database holds %s of topic %q; name no other, or run `analytics replay` with "+
				"the new name to build it from there",
				found.Topic, ErrOtherLog, bound.Role, bound.Topic)
		}
	}
	return nil
}

// checkOrigins refuses a topic that was deleted and recreated meanwhile.
func (in *ingester) checkOrigins() error {
	for _, bound := range in.origins {
		if err := checkOrigin(in.client, bound); err != nil {
			return err
		}
	}
	return nil
}

// checkOrigin refuses a topic that is no longer the bound one.
func checkOrigin(client sarama.Client, bound origin) error {
	found, err := findOrigin(client, bound.Topic)
	if err != nil {
		return err
	}
	return bound.verifyTopic(found)
}

func findOrigin(client sarama.Client, topic string) (origin, error) {
	id, err := kafka.Identify(client, topic)
	return origin{Topic: topic, ClusterID: id.ClusterID, TopicID: id.TopicID}, err
}

// discover returns the partitions that are not known yet with the offset at
// which to begin, and gives each a row in the database. It writes only when
// nothing is refused.
func (in *ingester) discover(ctx context.Context, db *database.Database,
	known map[batch.Partition]*reader) (map[batch.Partition]position, error) {
	if err := in.client.RefreshMetadata(in.names()...); err != nil {
		return nil, fmt.Errorf("refresh the topics' metadata: %w", err)
	}
	positions := map[batch.Partition]position{}
	for _, topic := range in.names() {
		partitions, err := kafka.Partitions(in.client, topic)
		if err != nil {
			return nil, err
		}
		for _, n := range partitions {
			p := batch.Partition{Topic: topic, Partition: n}
			if known[p] != nil || !in.wanted(p) {
				continue
			}
			if positions[p], err = in.locate(ctx, db, p); err != nil {
				return nil, err
			}
		}
	}
	fresh := maps.Clone(positions)
	maps.DeleteFunc(fresh, func(_ batch.Partition, at position) bool { return !at.isNew })
	if len(fresh) == 0 {
		return positions, nil
	}
	return positions, in.adopt(ctx, db, fresh)
}

// locate returns the partition's stored position, if the log still has it. A
// partition without one begins where its log begins.
func (in *ingester) locate(ctx context.Context, db *database.Database, p batch.Partition) (position, error) {
	at, err := storedPosition(ctx, db.DB, p)
	if err != nil {
		return at, err
	}
	_, at.epoch, _ = in.client.LeaderAndEpoch(p.Topic, p.Partition) // where there is none, the reader compares again
	if at.isNew {
		b, err := findBounds(ctx, in.client, p)
		at.next, at.newest = b.Oldest, b.Newest
		return at, err
	}
	known, err := verifyLog(ctx, in.client, p, at, time.Now().Add(staleLeaderGrace))
	if gap := (*gapError)(nil); errors.As(err, &gap) && in.AcceptGaps {
		return at, nil // the reader will find it, too, and record it
	}
	if err == nil && !known {
		in.Log.Warn("the last stored record is no longer in the log, so the log's identity rests on the ids of cluster and "+
			"topic and on its bounds",
			"partition", p, "offset", at.last.Offset)
	}
	return at, err
}

// adopt gives each new partition its row, and records what the log had lost
// already before this database saw it.
func (in *ingester) adopt(ctx context.Context, db *database.Database, positions map[batch.Partition]position) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("add the new partitions: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for p, at := range positions {
		if err := insertPartition(ctx, tx, p, at); err != nil {
			return fmt.Errorf("add %s: %w", p, err)
		}
		if at.next > 0 {
			in.Log.Warn("the log no longer has its first records, which is recorded as a gap", "partition", p, "first_offset",
				at.next)
		}
	}
	return tx.Commit()
}

func insertPartition(ctx context.Context, tx *sqlx.Tx, p batch.Partition, at position) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO internal_partitions (topic, partition, next_offset, high_watermark) VALUES
		(?, ?, ?, ?)`,
		p.Topic, p.Partition, at.next, at.newest)
	if err == nil && at.next > 0 {
		_, err = tx.ExecContext(ctx, `INSERT INTO gaps (topic, partition, from_offset, to_offset, recorded_at) VALUES (?, ?,
			0, ?, ?)`,
			p.Topic, p.Partition, at.next-1, time.Now().UnixMilli())
	}
	return err
}
