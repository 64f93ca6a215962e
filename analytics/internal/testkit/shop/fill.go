package shop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/store"
)

// Span is the time that [Fill] spreads the events over, whatever their number.
const Span = 2 * 365 * 24 * time.Hour

const (
	batchSize = 20_000
	rejected  = 100 // records of each batch
)

// Fill makes a database with n events that happened in the Span before end, a
// dead letter for every 200 of them, and no trace of a log: `analytics run`
// takes it for one that is to be bound to its topics yet.
func Fill(ctx context.Context, path string, n int64, end time.Time) (err error) {
	db, err := database.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log := batch.Partition{Topic: "earlier"}
	if _, err := db.ExecContext(ctx, `INSERT INTO internal_partitions (topic, partition, next_offset) VALUES (?, ?, 0)`,
		log.Topic, log.Partition); err != nil {
		return fmt.Errorf("fill %s: %w", path, err)
	}
	if err := write(ctx, db, log, n, New(end.Add(-Span), float64(n)/(Span.Hours()/24), Large)); err != nil {
		return fmt.Errorf("fill %s: %w", path, err)
	}
	_, err = db.ExecContext(ctx, `DELETE FROM internal_partitions`)
	return err
}

func write(ctx context.Context, db *database.Database, log batch.Partition, n int64, s *Shop) (err error) {
	w, err := store.NewWriter(ctx, db.DB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var offset int64
	for left := n; left > 0 && ctx.Err() == nil; left -= batchSize {
		chunk := batch.Chunk{Partition: log, From: offset}
		for range min(left, batchSize) {
			chunk.Records = append(chunk.Records, batch.Record{Offset: offset, Event: s.Event()})
			offset++
		}
		for range rejected {
			chunk.Records = append(chunk.Records, batch.Record{Offset: offset, Rejection: &batch.Rejection{
				RecordID: s.id(), Reason: "missing_user", Detail: "user is absent or empty", RejectedAt: s.now.UnixMilli(),
				Source: batch.Source{Topic: "purchases", Offset: offset}, Value: []byte(`{"item":"A"}`),
			}})
			offset++
		}
		chunk.Next = offset
		if err := w.Write([]batch.Chunk{chunk}); err != nil {
			return err
		}
	}
	return ctx.Err()
}
