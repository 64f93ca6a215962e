package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
)

// history is what the database says of replays.
type history struct {
	replays    []replayRow
	partitions []partitionRow
	figures    []figureRow
}

type replayRow struct {
	Replay     int64
	Kind       string
	Plan       string
	Result     string
	StartedAt  int64  `db:"started_at"`
	FinishedAt *int64 `db:"finished_at"`
	Records    int64
	Carried    int64
}

type partitionRow struct {
	Replay     int64
	Topic      string
	Partition  int32
	FromOffset int64 `db:"from_offset"`
	ToOffset   int64 `db:"to_offset"`
}

type figureRow struct {
	Replay           int64
	Figure, Currency string
	Before, After    int64
}

func (h *history) load(ctx context.Context, db sqlx.QueryerContext) error {
	for _, table := range []struct {
		rows any
		sql  string
	}{
		{&h.replays, `SELECT * FROM internal_replays`},
		{&h.partitions, `SELECT * FROM internal_replay_partitions`},
		{&h.figures, `SELECT * FROM internal_replay_figures`},
	} {
		if err := sqlx.SelectContext(ctx, db, table.rows, table.sql); err != nil {
			return fmt.Errorf("read the record of replays: %w", err)
		}
	}
	return nil
}

func (h *history) save(ctx context.Context, tx *sqlx.Tx) error {
	for _, r := range h.replays {
		_, err := tx.NamedExecContext(ctx,
			`INSERT OR REPLACE INTO internal_replays (replay, kind, plan, result, started_at, finished_at, records, carried)
			VALUES (:replay, :kind, :plan, :result, :started_at, :finished_at, :records, :carried)`, r)
		if err != nil {
			return fmt.Errorf("record replay %d: %w", r.Replay, err)
		}
	}
	for _, r := range h.partitions {
		_, err := tx.NamedExecContext(ctx,
			`INSERT OR REPLACE INTO internal_replay_partitions (replay, topic, partition, from_offset, to_offset)
			VALUES (:replay, :topic, :partition, :from_offset, :to_offset)`, r)
		if err != nil {
			return fmt.Errorf("record replay %d of %s/%d: %w", r.Replay, r.Topic, r.Partition, err)
		}
	}
	for _, r := range h.figures {
		_, err := tx.NamedExecContext(ctx,
			`INSERT OR REPLACE INTO internal_replay_figures (replay, figure, currency, before, after)
			VALUES (:replay, :figure, :currency, :before, :after)`, r)
		if err != nil {
			return fmt.Errorf("record replay %d: %s: %w", r.Replay, r.Figure, err)
		}
	}
	return nil
}

// begin writes down what is being built. What is carried stays below 0 until
// all is taken over.
func (s *candidate) begin(ctx context.Context, kind, plan string) error {
	_, err := s.ExecContext(ctx, `INSERT INTO internal_replays (replay, kind, plan, result, started_at, carried) VALUES
		(?, ?, ?, ?, ?, -1)`,
		s.number, kind, plan, building, time.Now().UnixMilli())
	if err != nil {
		return fmt.Errorf("begin replay %d: %w", s.number, err)
	}
	return nil
}

// finished is what is to be recorded of this replay.
func (j *job) finished(ctx context.Context, result string) (h history, err error) {
	now := time.Now().UnixMilli()
	row := replayRow{}
	if err := j.candidate.GetContext(ctx, &row, `SELECT * FROM internal_replays WHERE replay = ?`,
		j.candidate.number); err != nil {
		return h, fmt.Errorf("record replay %d: %w", j.candidate.number, err)
	}
	row.Result, row.FinishedAt, row.Records, row.Carried = result, &now, j.report.Records, j.report.Carried
	h.replays = []replayRow{row}
	for p, next := range j.report.Positions {
		if row.Kind == fromEvents {
			break // it read no log
		}
		h.partitions = append(h.partitions, partitionRow{j.candidate.number, p.Topic, p.Partition, j.start(p), next})
	}
	for _, f := range j.report.Figures {
		h.figures = append(h.figures, figureRow{j.candidate.number, f.Name, f.Currency, f.Before, f.After})
	}
	return h, nil
}

// recordCheck writes into the old database that it was checked, and how it did.
// A damaged one is left alone.
func (j *job) recordCheck(ctx context.Context) error {
	if j.Damage != nil {
		return nil
	}
	result := same
	if j.report.Differences() > 0 {
		result = different
	}
	h, err := j.finished(ctx, result)
	if err != nil {
		return err
	}
	return database.UpdateLive(ctx, j.Path, func(tx *sqlx.Tx) error { return h.save(ctx, tx) })
}

// recordReplay writes into the new database what made it, beside what had made
// the old one.
func (j *job) recordReplay(ctx context.Context) (err error) {
	if j.report.Positions, err = positions(ctx, j.candidate); err != nil {
		return err
	}
	h, err := j.finished(ctx, inPlace)
	if err != nil {
		return err
	}
	earlier := history{}
	if j.old.db != nil {
		if err := earlier.load(ctx, j.old.db); err != nil {
			return err
		}
	}
	tx, err := j.candidate.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("record replay %d: %w", j.candidate.number, err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, part := range []history{earlier, h} {
		if err := part.save(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// keepGapTimes has the gaps say when they were recorded at first.
func (j *job) keepGapTimes(ctx context.Context) error {
	if j.old.db == nil {
		return nil
	}
	var gaps []gap
	if err := j.old.db.SelectContext(ctx, &gaps, ownGaps); err != nil {
		return fmt.Errorf("read the gaps: %w", err)
	}
	for _, g := range gaps {
		_, err := j.candidate.ExecContext(ctx,
			`UPDATE gaps SET recorded_at = ? WHERE topic = ? AND partition = ? AND from_offset = ?`,
			g.RecordedAt, g.Topic, g.Partition.Partition, g.From)
		if err != nil {
			return fmt.Errorf("take over the time of the gap in %s at offset %d: %w", g.Partition, g.From, err)
		}
	}
	return nil
}
