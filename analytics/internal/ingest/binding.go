package ingest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/store"
	"purchases/producer/kafka"
)

// ErrOtherLog is the error of a database that was built from another log than
// the one at hand.
var ErrOtherLog = errors.New("the database was built from another log")

// origin is what tells one topic from all others of its name.
type origin struct {
	Topic     string
	ClusterID string `db:"cluster_id"`
	TopicID   string `db:"topic_id"`
}

// bind ties the database to these topics of this cluster, or checks that it is
// tied to them.
func bind(ctx context.Context, db *database.Database, client sarama.Client, topics []string) error {
	for _, topic := range topics {
		found, err := patiently(ctx, client, topic, func() (origin, error) { return findOrigin(client, topic) })
		if err != nil {
			return err
		}
		if err := bindTopic(ctx, db, found); err != nil {
			return err
		}
	}
	return nil
}

// findOrigin asks for the cluster's and the topic's ids: metadata version 10
// has both (KIP-516).
func findOrigin(client sarama.Client, topic string) (origin, error) {
	if _, err := kafka.Partitions(client, topic); err != nil {
		return origin{}, err
	}
	broker := client.LeastLoadedBroker()
	if broker == nil {
		return origin{}, fmt.Errorf("identify topic %q: %w", topic, sarama.ErrBrokerNotAvailable)
	}
	response, err := broker.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: []string{topic}})
	if err != nil {
		return origin{}, fmt.Errorf("identify topic %q: %w", topic, err)
	}
	if len(response.Topics) != 1 || response.ClusterID == nil {
		return origin{}, fmt.Errorf("identify topic %q: the broker does not say its cluster's id", topic)
	}
	return origin{topic, *response.ClusterID, response.Topics[0].Uuid.String()}, nil
}

func bindTopic(ctx context.Context, db *database.Database, found origin) error {
	var bound origin
	err := db.GetContext(ctx, &bound, `SELECT topic, cluster_id, topic_id FROM topics WHERE topic = ?`, found.Topic)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = db.NamedExecContext(ctx, `INSERT INTO topics (topic, cluster_id, topic_id) VALUES (:topic, :cluster_id, :topic_id)`, found)
		if err != nil {
			return fmt.Errorf("bind the database to topic %q: %w", found.Topic, err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("read the origin of topic %q: %w", found.Topic, err)
	case bound.ClusterID != found.ClusterID:
		return fmt.Errorf("topic %q: %w: it is of cluster %s, this cluster is %s; name the right brokers with --bootstrap-servers, or a new database with --db",
			found.Topic, ErrOtherLog, bound.ClusterID, found.ClusterID)
	case bound.TopicID != found.TopicID:
		return fmt.Errorf("topic %q: %w: the topic was deleted and made again since (id %s, now %s); name a new database with --db",
			found.Topic, ErrOtherLog, bound.TopicID, found.TopicID)
	}
	return nil
}

// discover returns the partitions that are not known yet with the offset at
// which to begin, and gives each a row in the database.
func (in *ingester) discover(ctx context.Context, db *database.Database, known map[store.Partition]bool) (map[store.Partition]int64, error) {
	positions := map[store.Partition]int64{}
	if err := in.client.RefreshMetadata(in.topics()...); err != nil {
		return nil, fmt.Errorf("refresh the topics' metadata: %w", err)
	}
	for _, topic := range in.topics() {
		partitions, err := kafka.Partitions(in.client, topic)
		if err != nil {
			return nil, err
		}
		for _, n := range partitions {
			p := store.Partition{Topic: topic, Partition: n}
			if known[p] {
				continue
			}
			if positions[p], err = in.position(ctx, db, p); err != nil {
				return nil, err
			}
		}
	}
	return positions, nil
}

// position returns the partition's stored offset, which must lie within the
// log. A partition without one begins where its log begins.
func (in *ingester) position(ctx context.Context, db *database.Database, p store.Partition) (int64, error) {
	oldest, err := offset(ctx, in.client, p, sarama.OffsetOldest)
	if err != nil {
		return 0, fmt.Errorf("find the start of %s: %w", p, err)
	}
	newest, err := offset(ctx, in.client, p, sarama.OffsetNewest)
	if err != nil {
		return 0, fmt.Errorf("find the end of %s: %w", p, err)
	}
	var next int64
	err = db.GetContext(ctx, &next, `SELECT next_offset FROM partitions WHERE topic = ? AND partition = ?`, p.Topic, p.Partition)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if oldest > 0 {
			in.Log.Warn("the log no longer has its first records", "partition", p, "first_offset", oldest)
		}
		_, err = db.ExecContext(ctx, `INSERT INTO partitions (topic, partition, next_offset) VALUES (?, ?, ?)`, p.Topic, p.Partition, oldest)
		return oldest, err
	case err != nil:
		return 0, fmt.Errorf("read the stored offset of %s: %w", p, err)
	case next < oldest:
		return 0, fmt.Errorf("%s: offsets %d to %d have expired before they were read; restore the topic, or name a new database with --db", p, next, oldest-1)
	case next > newest:
		return 0, fmt.Errorf("%s: the stored offset is %d, but the log ends at %d: it was truncated; restore the topic, or name a new database with --db", p, next, newest)
	}
	return next, nil
}
