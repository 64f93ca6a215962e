package replay

import (
	"context"
	"errors"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/rollup"
	"purchases/analytics/internal/verify"
	"purchases/analytics/internal/zone"
	"purchases/producer/testkit/crashpoint"
)

// Rollups computes the statistics of the database at path anew from its events,
// without Kafka, on a copy that is then put in its place. A process that fills
// the database continues from the copy's offsets and reads again what it had
// stored since the copy was made.
func Rollups(ctx context.Context, path string, options Options) (_ *Report, err error) {
	j := &job{Plan: &Plan{Path: path}, Options: options}
	j.Build, _ = database.FindBuild(ctx, path)
	if j.old, err = openOld(ctx, path); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if err := refusePruned(ctx, j.old.db, path); err != nil {
		return nil, err
	}
	if err := j.copyOld(ctx); err != nil {
		return nil, err
	}
	err = j.recompute(ctx)
	if !j.candidate.released {
		err = errors.Join(err, j.candidate.Close(), database.Remove(j.Build))
	}
	return &j.report, err
}

// copyOld makes a copy of the database as it is at one moment.
func (j *job) copyOld(ctx context.Context) error {
	created := false
	create := j.createAnew(ctx, &created)
	db, err := database.Build(ctx, j.Build, func(build string) error {
		j.Observer.Begin("copy the database", 0, "copies")
		defer j.Observer.End()
		if err := create(build); err != nil {
			return err
		}
		return database.Copy(ctx, j.Path, build)
	})
	if err != nil && created {
		err = errors.Join(err, database.Remove(j.Build))
	}
	if err != nil {
		return err
	}
	if err := db.Claim(ctx, j.Path); err != nil {
		return errors.Join(err, db.Close(), database.Remove(j.Build))
	}
	j.candidate = &candidate{Building: db, number: j.old.replays + 1}
	crashpoint.At("replay.copied")
	return nil
}

func (j *job) recompute(ctx context.Context) error {
	if err := refusePruned(ctx, j.candidate.DB, j.Path); err != nil { // since the first look
		return err
	}
	if err := j.candidate.begin(ctx, fromEvents, ""); err != nil {
		return err
	}
	if err := j.lookBefore(ctx); err != nil {
		return err
	}
	if err := j.compute(ctx); err != nil {
		return err
	}
	if err := j.compare(ctx); err != nil {
		return err
	}
	if j.CheckOnly {
		return j.recordCheck(ctx)
	}
	if j.Accept != nil {
		if err := j.Accept(&j.report); err != nil {
			return err
		}
	}
	return j.putInPlace(ctx)
}

// lookBefore finds out what is wrong with the statistics, if anything.
func (j *job) lookBefore(ctx context.Context) (err error) {
	if j.old.figures, err = figures(ctx, j.candidate); err != nil {
		return err
	}
	j.Observer.Begin("compare statistics", int64(verify.Count()), "checks")
	defer j.Observer.End()
	found, err := verify.Run(ctx, j.candidate.DB, func() { j.Observer.Step() })
	j.report.Wrong = found.Differences
	return err
}

func (j *job) compute(ctx context.Context) error {
	j.Observer.Begin("compute statistics", int64(len(rollup.Statistics())), "tables")
	defer j.Observer.End()
	var z *zone.Zone
	if j.Zone != "" {
		var err error
		if z, err = zone.Load(j.Zone); err != nil {
			return err
		}
	}
	err := rollup.Rebuild(ctx, j.candidate.DB, z, func(string) { j.Observer.Step() })
	crashpoint.At("replay.computed")
	return err
}
