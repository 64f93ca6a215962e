package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/eventsum"
)

// checksums recomputes the checksum of every partition from the rows whose
// record stands in it. It finds a change to rows that are stored once, which no
// other check can compare with anything.
func checksums(ctx context.Context, tx *sqlx.Tx) (string, error) {
	found := map[batch.Partition]uint64{}
	var topic string
	err := tx.GetContext(ctx, &topic,
		`SELECT ifnull(min(topic), '') FROM internal_partitions WHERE events + retractions + retracted > 0`)
	if err != nil {
		return "", err
	}
	if err := addEvents(ctx, tx, topic, found); err != nil {
		return "", err
	}
	for _, add := range []func(context.Context, *sqlx.Tx, string, map[batch.Partition]uint64) error{
		addRetractions, addRetracted, addDuplicates, addRejected, addExamples, addExpired,
	} {
		if err := add(ctx, tx, topic, found); err != nil {
			return "", err
		}
	}
	return compareChecksums(ctx, tx, found)
}

func compareChecksums(ctx context.Context, tx *sqlx.Tx, found map[batch.Partition]uint64) (string, error) {
	var stored []struct {
		batch.Partition
		Checksum int64
	}
	if err := tx.SelectContext(ctx, &stored, `SELECT topic, partition, checksum FROM internal_partitions`); err != nil {
		return "", err
	}
	var wrong []batch.Partition
	for _, s := range stored {
		if found[s.Partition] != uint64(s.Checksum) {
			wrong = append(wrong, s.Partition)
		}
		delete(found, s.Partition)
	}
	for p := range found {
		wrong = append(wrong, p)
	}
	if len(wrong) == 0 {
		return "", nil
	}
	slices.SortFunc(wrong, batch.Partition.Compare)
	return fmt.Sprintf("checksums: the rows of %d partitions are not the ones that were stored, such as %s", len(wrong),
		wrong[0]), nil
}

// each scans every row of the query into the same T.
func each[T any](ctx context.Context, tx *sqlx.Tx, query string, use func(*T)) error {
	rows, err := tx.QueryxContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row T
		if err := rows.StructScan(&row); err != nil {
			return err
		}
		use(&row)
	}
	return rows.Err()
}

// position is where a record of a row stands.
type position struct {
	Partition int32
	Offset    int64
}

func (p position) place() batch.Place { return batch.Place(p) }

// identity is an event's.
type identity struct {
	OccurredAt int64  `db:"occurred_at"`
	EventID    []byte `db:"event_id"`
}

func (i identity) of() batch.Identity {
	return batch.Identity{OccurredAt: i.OccurredAt, ID: id(i.EventID)}
}

// id is as many bytes as there are: a wrong length has a check of its own.
func id(b []byte) (id [16]byte) {
	copy(id[:], b)
	return id
}

// addEvents adds the events that there are, and those that were pruned.
func addEvents(ctx context.Context, tx *sqlx.Tx, topic string, sums map[batch.Partition]uint64) error {
	found, err := eventsum.Of(ctx, tx, "events")
	if err != nil {
		return err
	}
	for partition, sum := range found {
		sums[batch.Partition{Topic: topic, Partition: partition}] += sum
	}
	type row struct {
		Partition int32
		Checksum  int64
	}
	return each(ctx, tx, `SELECT partition, checksum FROM internal_pruned`, func(r *row) {
		sums[batch.Partition{Topic: topic, Partition: r.Partition}] += uint64(r.Checksum)
	})
}

func addRetractions(ctx context.Context, tx *sqlx.Tx, topic string, sums map[batch.Partition]uint64) error {
	type row struct {
		position
		identity
		RetractedAt int64 `db:"retracted_at"`
	}
	return each(ctx, tx, `SELECT partition, offset, occurred_at, event_id, ifnull(retracted_at, 0) AS retracted_at FROM
		retractions`, func(r *row) {
		sums[batch.Partition{Topic: topic, Partition: r.Partition}] +=
			batch.RetractionChecksum(r.place(), &batch.Retraction{Identity: r.of(), RetractedAt: r.RetractedAt})
	})
}

func addRetracted(ctx context.Context, tx *sqlx.Tx, topic string, sums map[batch.Partition]uint64) error {
	type row struct {
		position
		identity
	}
	return each(ctx, tx, `SELECT partition, offset, occurred_at, event_id FROM retracted_events`, func(r *row) {
		sums[batch.Partition{Topic: topic, Partition: r.Partition}] += batch.RetractedChecksum(r.place(), r.of())
	})
}

func addDuplicates(ctx context.Context, tx *sqlx.Tx, _ string, sums map[batch.Partition]uint64) error {
	type row struct {
		Topic string
		position
		identity
		Conflict int64
	}
	return each(ctx, tx, `SELECT topic, partition, offset, ifnull(occurred_at, 0) AS occurred_at, event_id, conflict FROM
		duplicates`, func(r *row) {
		sums[batch.Partition{Topic: r.Topic, Partition: r.Partition}] += batch.DuplicateChecksum(r.place(), r.Topic, r.of(),
			r.Conflict != 0)
	})
}

func addRejected(ctx context.Context, tx *sqlx.Tx, _ string, sums map[batch.Partition]uint64) error {
	type row struct {
		Topic string
		position
		RecordID        []byte `db:"record_id"`
		Reason, Detail  string
		RejectedAt      int64  `db:"rejected_at"`
		SourceTopic     string `db:"source_topic"`
		SourcePartition int32  `db:"source_partition"`
		SourceOffset    int64  `db:"source_offset"`
	}
	return each(ctx, tx, `SELECT topic, partition, offset, record_id, reason, detail, rejected_at, source_topic,
		source_partition, source_offset
		FROM rejected JOIN rejected_causes USING (cause_id)`, func(r *row) {
		x := batch.Rejection{
			RecordID: id(r.RecordID), Reason: r.Reason, RejectedAt: r.RejectedAt,
			Source: batch.Source{Topic: r.SourceTopic, Partition: r.SourcePartition, Offset: r.SourceOffset},
		}
		sums[batch.Partition{Topic: r.Topic, Partition: r.Partition}] += batch.RejectedChecksum(r.place(), r.Topic, &x,
			r.Detail)
	})
}

func addExamples(ctx context.Context, tx *sqlx.Tx, _ string, sums map[batch.Partition]uint64) error {
	type row struct {
		Topic string
		position
		RecordID []byte `db:"record_id"`
		Reason   string
		Value    []byte
	}
	return each(ctx, tx, `SELECT topic, partition, offset, x.record_id, x.reason, x.value
		FROM rejected_examples x JOIN rejected USING (record_id) JOIN rejected_causes USING (cause_id)`, func(r *row) {
		sums[batch.Partition{Topic: r.Topic, Partition: r.Partition}] +=
			batch.ExampleChecksum(r.place(), &batch.Rejection{RecordID: id(r.RecordID), Reason: r.Reason, Value: r.Value})
	})
}

func addExpired(ctx context.Context, tx *sqlx.Tx, _ string, sums map[batch.Partition]uint64) error {
	type row struct {
		Topic string
		position
		SourceTopic     string `db:"source_topic"`
		SourcePartition int32  `db:"source_partition"`
		From            int64  `db:"from_offset"`
		Offsets         int64
		RecordedAt      int64 `db:"recorded_at"`
	}
	return each(ctx, tx, `SELECT topic, partition, offset, source_topic, source_partition,
		from_offset, to_offset - from_offset + 1 AS offsets, recorded_at FROM expired`, func(r *row) {
		e := batch.Expired{
			Source:  batch.Source{Topic: r.SourceTopic, Partition: r.SourcePartition, Offset: r.From},
			Offsets: r.Offsets, RecordedAt: r.RecordedAt,
		}
		sums[batch.Partition{Topic: r.Topic, Partition: r.Partition}] += batch.ExpiredChecksum(r.place(), r.Topic, &e)
	})
}
