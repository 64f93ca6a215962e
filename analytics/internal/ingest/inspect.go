package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
)

// inspected is a stored partition with its topic's origin.
type inspected struct {
	origin
	Partition int32
	positionRow
}

// Inspect compares the database with the logs as a run does at its start, and
// changes nothing. It returns what a run would refuse. An error is of a cluster
// or a database that cannot be asked.
func Inspect(ctx context.Context, db sqlx.QueryerContext, client sarama.Client) (refusals []error, err error) {
	var list []inspected
	err = sqlx.SelectContext(ctx, db, &list,
		`SELECT topic, cluster_id, topic_id, partition, next_offset, last_offset, last_timestamp, last_crc
		FROM internal_topics JOIN internal_partitions USING (topic) ORDER BY topic, partition`)
	if err != nil {
		return nil, fmt.Errorf("read the stored offsets: %w", err)
	}
	certain := time.Now().Add(staleLeaderGrace) // for all together
	origins := map[string]error{}
	for _, row := range list {
		if _, asked := origins[row.Topic]; !asked {
			refusal := checkOrigin(client, row.origin)
			origins[row.Topic] = refusal
			refusals = append(refusals, refusal)
		}
		if origins[row.Topic] == nil {
			_, refusal := verifyLog(ctx, client, batch.Partition{Topic: row.Topic, Partition: row.Partition}, row.position(),
				certain)
			refusals = append(refusals, refusal)
		}
	}
	return onlyRefusals(refusals)
}

// SameLog refuses, with an [ErrOtherLog], logs that the database was not built
// from. That they may have expired in part is no matter here.
func SameLog(ctx context.Context, db sqlx.QueryerContext, client sarama.Client) error {
	refusals, err := Inspect(ctx, db, client)
	if err != nil {
		return err
	}
	for _, refusal := range refusals {
		if errors.Is(refusal, ErrOtherLog) {
			return refusal
		}
	}
	return nil
}

// onlyRefusals returns the first error that is none as the error.
func onlyRefusals(list []error) (refusals []error, err error) {
	for _, err := range list {
		switch gap := (*gapError)(nil); {
		case err == nil:
		case errors.Is(err, ErrOtherLog), errors.As(err, &gap):
			refusals = append(refusals, err)
		default:
			return nil, err
		}
	}
	return refusals, nil
}
