package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

const drainInterval = 50 * time.Millisecond

var errDrained = errors.New("drained")

// draining is what a run with Drain has left to do. A partition is drained when
// the group, this member or another, has committed past all records below the
// log's end at the start, and no open transaction begins there.
type draining struct {
	*pipeline
	ends map[int32]int64 // high watermarks at the start, of partitions that are not drained
	last map[int32]int64 // offset that the group must pass before it is worth a look
	held map[int32]kafka.Pending
}

func (p *pipeline) newDraining() (*draining, error) {
	last, err := kafka.LastRecords(p.client, p.Input)
	if err != nil {
		return nil, err
	}
	d := &draining{pipeline: p, ends: make(map[int32]int64, len(last)), last: last}
	for partition := range last {
		if d.ends[partition], err = p.client.GetOffset(p.Input, partition, sarama.OffsetNewest); err != nil {
			return nil, fmt.Errorf("find the end of %s/%d: %w", p.Input, partition, err)
		}
	}
	return d, nil
}

// stopWhenDone ends the run when all partitions are drained, or when those that
// are left have been held up for too long.
func (d *draining) stopWhenDone(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(drainInterval)
	defer tick.Stop()
	moved := time.Now()
	for {
		d.look()
		if len(d.held) < len(d.ends) {
			moved = time.Now()
		}
		switch waited := time.Since(moved); {
		case len(d.ends) == 0:
			stop(errDrained)
			return
		case waited >= d.DrainTimeout && len(d.held) == len(d.ends):
			stop(d.heldError(waited))
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (d *draining) heldError(waited time.Duration) error {
	e := &kafka.HeldError{Waited: waited}
	for _, partition := range slices.Sorted(maps.Keys(d.held)) {
		e.Partitions = append(e.Partitions, d.held[partition])
	}
	return e
}

// look forgets the partitions that are drained. An error is no news: the
// sessions notice the same, and say so.
func (d *draining) look() {
	d.held = map[int32]kafka.Pending{}
	if len(d.ends) == 0 {
		return
	}
	committed, err := d.committedOffsets(slices.Collect(maps.Keys(d.ends)))
	if err != nil {
		return
	}
	for partition, next := range committed {
		if last := d.last[partition]; last != kafka.NoRecord && next <= last {
			continue
		}
		pending, err := d.findPending(partition, next)
		switch {
		case err != nil:
		case pending.Offset >= d.ends[partition]:
			delete(d.ends, partition)
		case pending.Open:
			d.held[partition] = pending
		default:
			d.last[partition] = pending.Offset
		}
	}
}
