package replay

import (
	"context"
	"errors"
	"fmt"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/sources"
	"purchases/analytics/internal/store"
	"purchases/producer/testkit/crashpoint"
)

// copyBatch is how many records are taken over in one transaction.
const copyBatch = 20_000

// copyForward brings every log that is not read from offset 0 to where its reading
// begins: by what the old database holds of it, where that is wanted, and by
// gaps where neither it nor the log has anything.
func (j *job) copyForward(ctx context.Context) error {
	if j.resumed != nil { // a build without all of this is not gone on from
		j.report.Carried, j.report.Records = j.resumed.Carried, j.resumed.Records-j.resumed.Carried
		return nil
	}
	if starts, _ := startsOf(j.Logs); starts != "" {
		if err := j.copyAll(ctx); err != nil {
			return fmt.Errorf("take over into %s: %w", j.Build, err)
		}
	}
	_, err := j.candidate.ExecContext(ctx, `UPDATE internal_replays SET carried = ? WHERE replay = ?`, j.report.Carried,
		j.candidate.number)
	if err != nil {
		return fmt.Errorf("write down what was taken over into %s: %w", j.Build, err)
	}
	crashpoint.At("replay.carried")
	return nil
}

func (j *job) copyAll(ctx context.Context) error {
	j.Observer.Begin("take over", j.Before(), "records")
	defer j.Observer.End()
	for _, l := range j.Logs {
		if l.From == 0 {
			continue
		}
		_, err := j.candidate.ExecContext(ctx,
			`INSERT INTO internal_partitions (topic, partition, next_offset) VALUES (?, ?, 0)`, l.Topic, l.Partition.Partition)
		if err != nil {
			return err
		}
	}
	if j.old.db != nil { // events do not say where they come from, and gaps before the processor follow from that
		if err := sources.Copy(ctx, j.old.db, j.candidate.DB); err != nil {
			return err
		}
	}
	w, err := store.NewWriter(ctx, j.candidate.DB)
	if err != nil {
		return err
	}
	return errors.Join(j.copyTo(ctx, w), w.Close())
}

// copier turns the old database's rows of one log after the other into chunks
// of the new one.
type copier struct {
	*job
	writer  *store.Writer
	gaps    []gap // of all logs, in order, not yet written
	pending batch.Chunk
}

// ownGaps are those of the logs that are read here. The others follow from letters.
const ownGaps = `SELECT * FROM gaps WHERE topic IN (SELECT topic FROM internal_partitions)`

// gap is a row of the table gaps.
type gap struct {
	batch.Partition
	From       int64 `db:"from_offset"`
	To         int64 `db:"to_offset"` // the last that is missing
	RecordedAt int64 `db:"recorded_at"`
}

func (j *job) copyTo(ctx context.Context, w *store.Writer) (err error) {
	c := &copier{job: j, writer: w}
	rows := func(func(*row) error) error { return nil }
	if j.old.db != nil {
		if err := j.old.db.SelectContext(ctx, &c.gaps, ownGaps+` ORDER BY topic, partition, from_offset`); err != nil {
			return fmt.Errorf("read the gaps: %w", err)
		}
		rows = func(use func(*row) error) error { return eachBefore(ctx, j.old.db, j.Logs, use) }
	}
	logs := j.Logs // that have not ended yet
	begin := func(p batch.Partition) error {
		for ; len(logs) > 0 && logs[0].Partition != p; logs = logs[1:] {
			if err := c.end(logs[0]); err != nil {
				return err
			}
		}
		return nil
	}
	err = rows(func(r *row) error {
		if err := begin(r.Partition); err != nil {
			return err
		}
		return c.add(r)
	})
	if err == nil {
		err = begin(batch.Partition{})
	}
	return err
}

// add takes over one record, behind the gaps before it.
func (c *copier) add(r *row) error {
	if err := c.addGaps(r.Partition, r.Offset); err != nil {
		return err
	}
	if len(c.pending.Records) == copyBatch {
		if err := c.flush(c.pending.Next); err != nil {
			return err
		}
	}
	c.pending.Partition = r.Partition
	c.pending.Records = append(c.pending.Records, r.record())
	c.pending.Next = r.Offset + 1
	c.report.Carried++
	return nil
}

// addGaps takes over the partition's gaps that begin before the offset.
func (c *copier) addGaps(p batch.Partition, before int64) error {
	for len(c.gaps) > 0 && (c.gaps[0].Compare(p) < 0 || c.gaps[0].Partition == p && c.gaps[0].From < before) {
		g := c.gaps[0]
		c.gaps = c.gaps[1:]
		if g.Partition != p {
			continue // of a log that is read from its beginning
		}
		if err := c.skip(p, g.From, min(g.To+1, c.start(p))); err != nil {
			return err
		}
	}
	return nil
}

// end brings the log to where its reading begins. What was not stored before
// and is not in the log any more is a gap.
func (c *copier) end(l Log) error {
	if l.From == 0 {
		return nil
	}
	if err := c.addGaps(l.Partition, l.From); err != nil {
		return err
	}
	c.pending.Partition = l.Partition
	if stored := c.old.positions[l.Partition]; stored < l.From {
		if err := c.skip(l.Partition, stored, l.From); err != nil {
			return err
		}
	}
	err := c.flush(l.From)
	c.pending = batch.Chunk{}
	return err
}

// skip writes a gap: the offsets from and up to, but not including, next.
func (c *copier) skip(p batch.Partition, from, next int64) error {
	c.pending.Partition = p
	if err := c.flush(from); err != nil {
		return err
	}
	if next <= c.pending.From {
		return nil
	}
	err := c.writer.Write([]batch.Chunk{{Partition: p, From: c.pending.From, Next: next, Gap: true}})
	c.pending.From, c.pending.Next = next, next
	return err
}

// flush writes what is pending and has the next chunk begin at next.
func (c *copier) flush(next int64) error {
	next = max(next, c.pending.Next)
	if next == c.pending.From {
		return nil
	}
	c.pending.Next = next
	if err := c.writer.Write([]batch.Chunk{c.pending}); err != nil {
		return err
	}
	c.Observer.Stored([]batch.Chunk{c.pending})
	c.pending = batch.Chunk{Partition: c.pending.Partition, From: next, Next: next, Records: c.pending.Records[:0]}
	return nil
}
