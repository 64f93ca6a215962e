package ingest

import (
	"context"
	"math"
	"slices"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/producer/kafka"
)

// settlePause is the time between two looks at an open transaction.
const settlePause = 100 * time.Millisecond

// bounded says whether the run has an end of its own.
func (c *Config) bounded() bool { return c.Drain || c.Until != nil }

// wanted says whether the partition is to be read.
func (in *ingester) wanted(p batch.Partition) bool {
	_, named := in.Until[p]
	return named || in.Until == nil
}

// stopAt is the offset before which the reading of a partition ends.
func (in *ingester) stopAt(p batch.Partition) int64 {
	if end, named := in.Until[p]; named {
		return end
	}
	return math.MaxInt64
}

// findTargets finds where the run ends. It compares with records and not with
// the logs' ends: see [kafka.LastRecords].
func (in *ingester) findTargets(ctx context.Context) (err error) {
	if in.bounds, err = FindBounds(ctx, in.client, in.Topics); err != nil {
		return err
	}
	for _, topic := range in.names() {
		last, err := kafka.LastRecords(in.client, topic)
		if err != nil {
			return err
		}
		for n, offset := range last {
			p := batch.Partition{Topic: topic, Partition: n}
			if in.wanted(p) {
				in.targets[p] = min(offset, in.stopAt(p)-1)
			}
		}
	}
	return nil
}

// drained says whether every record is stored that the run is to reach.
func (in *ingester) drained() bool {
	for p, last := range in.targets {
		if in.next[p] <= last {
			return false
		}
	}
	return in.bounded()
}

// settle waits for the transactions that were open when a drain began: their
// records count among those that the logs held. It returns nil when they have
// ended, or when one of them has brought records that are to be stored first.
func (in *ingester) settle(ctx context.Context) error {
	if in.Until != nil || in.DrainTimeout < 0 {
		return nil
	}
	for began := time.Now(); ; {
		held, err := in.findHeld(ctx)
		if err != nil || len(held) == 0 || !in.drained() {
			return err
		}
		if waited := time.Since(began); waited >= in.DrainTimeout {
			return &kafka.HeldError{Waited: waited, Partitions: held}
		}
		if err := pause(ctx, settlePause); err != nil {
			return err
		}
	}
}

// findHeld returns the partitions that an open transaction holds up, and makes
// a target of each record that has become visible.
func (in *ingester) findHeld(ctx context.Context) (held []kafka.Pending, err error) {
	for p, bounds := range in.bounds {
		next := max(in.next[p], bounds.Oldest)
		if next >= bounds.Newest {
			continue
		}
		pending, err := retryWhileElecting(ctx, in.client, p.Topic, func() (kafka.Pending, error) {
			return kafka.FindPending(in.client, p.Topic, p.Partition, next)
		})
		switch {
		case err != nil:
			return nil, err
		case pending.Offset >= bounds.Newest:
		case pending.Open:
			held = append(held, pending)
		case pending.Lag() > 0:
			in.targets[p] = pending.Offset
		}
	}
	slices.SortFunc(held, kafka.Pending.Compare)
	return held, nil
}
