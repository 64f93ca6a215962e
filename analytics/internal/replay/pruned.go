package replay

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/retention"
)

// pruned is what the old database says of the events that were deleted from it.
type pruned struct {
	kept       retention.Kept
	partitions []prunedPartition
}

type prunedPartition struct {
	Partition   int32
	Events      int64
	FirstOffset int64 `db:"first_offset"`
}

func (p *pruned) look(ctx context.Context, db sqlx.QueryerContext) (err error) {
	if p.kept, err = retention.Read(ctx, db); err != nil {
		return err
	}
	err = sqlx.SelectContext(ctx, db, &p.partitions, `SELECT partition, events, first_offset FROM internal_pruned`)
	if err != nil {
		return fmt.Errorf("read what was pruned: %w", err)
	}
	return nil
}

// Pruned is how many events that were deleted from the old database come back from
// the log, and the day before which they happened.
func (p *Plan) Pruned() (events int64, day string) {
	for _, one := range p.prunedHere() {
		events += one.Events
	}
	return events, p.old.pruned.kept.Date()
}

// lostPruned counts the deleted events of the partitions whose log has lost at least
// one of them. Nobody knows which: no copy is left.
func (p *Plan) lostPruned() (events int64) {
	for _, one := range p.prunedHere() {
		if p.start(batch.Partition{Topic: p.Topics.Events, Partition: one.Partition}) > one.FirstOffset {
			events += one.Events
		}
	}
	return events
}

// prunedHere is nothing where the new data come from other topics, or where the old
// database does not say.
func (p *Plan) prunedHere() []prunedPartition {
	if !p.comparable() {
		return nil
	}
	return p.old.pruned.partitions
}

// refusePruned refuses statistics that do not follow from the events that are left.
func refusePruned(ctx context.Context, db sqlx.QueryerContext, path string) error {
	kept, err := retention.Read(ctx, db)
	if err != nil || !kept.Pruned() {
		return err
	}
	return fmt.Errorf("compute the statistics of %s from its events: those from before %s were pruned; "+
		"run `analytics replay`, which reads the log", path, kept.Date())
}
