package retention

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/zone"
)

// Every is how often [Schedule] is meant to prune.
const Every = 24 * time.Hour

// Schedule prunes at once and at each tick, until ctx ends. What it cannot do now it
// does at the next tick.
func Schedule(ctx context.Context, path string, age Age, tick <-chan time.Time, log *slog.Logger) {
	for {
		if err := Once(ctx, path, age, log); err != nil && ctx.Err() == nil {
			log.Warn("cannot delete old events; trying again in a day", "db", path, "cause", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

// Once deletes the events that are older now.
func Once(ctx context.Context, path string, age Age, log *slog.Logger) error {
	plan, err := planAged(ctx, path, age)
	if err != nil || plan.Events == 0 {
		return err
	}
	report, err := Run(ctx, plan, func(int64) {})
	if report.Events > 0 {
		log.Info("deleted old events; the statistics keep them", "events", report.Events, "before", plan.Kept.Date())
	}
	return err
}

// planAged looks at the file that the path leads to now: a replay may have replaced it.
func planAged(ctx context.Context, path string, age Age) (plan Plan, err error) {
	db, err := database.OpenReader(path)
	if err != nil {
		return plan, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	z, err := zone.Stored(ctx, db)
	if err != nil {
		return plan, err
	}
	kept, err := age.Before(time.Now(), z)
	if err != nil {
		return plan, err
	}
	return Prepare(ctx, db, path, z.Name, kept)
}
