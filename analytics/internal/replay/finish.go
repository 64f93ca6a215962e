package replay

import (
	"context"
	"fmt"
	"os"

	"purchases/analytics/internal/database"
	"purchases/producer/testkit/crashpoint"
)

const (
	// caughtUp is how few records a round of catching up has stored when
	// another round would gain nothing: who continues with the new database reads
	// what is left in a moment.
	caughtUp  = 5_000
	maxRounds = 20 // where records come faster than they are stored
)

// putInPlace has the path lead to the new database. The step between before and
// after is database.Replace.
func (j *job) putInPlace(ctx context.Context) error {
	if err := j.keepOld(ctx); err != nil {
		return err
	}
	if err := j.keepGapTimes(ctx); err != nil {
		return err
	}
	if err := j.recordReplay(ctx); err != nil {
		return err
	}
	crashpoint.At("replay.recorded")
	if err := j.candidate.release(ctx); err != nil {
		return err
	}
	crashpoint.At("replay.closed")
	if j.Aside != "" {
		if err := database.SetAside(j.Path, j.Aside); err != nil {
			return err
		}
	}
	if err := database.Replace(j.Path, j.Build); err != nil {
		return err
	}
	crashpoint.At("replay.replaced")
	return database.RemoveReplaced(ctx, j.Path)
}

// catchUp reads what has come to the log while the new database was built.
func (j *job) catchUp(ctx context.Context) error {
	for range maxRounds {
		before := j.report.Records
		if err := j.ingest(ctx, "catch up", 0, j.config()); err != nil {
			return err
		}
		if j.report.Records-before < caughtUp {
			break
		}
	}
	crashpoint.At("replay.caughtup")
	return nil
}

// keepOld copies the old database as it is now, without disturbing who fills it.
func (j *job) keepOld(ctx context.Context) error {
	if j.KeepOld == "" {
		return nil
	}
	if j.Damage != nil {
		return fmt.Errorf("keep the old database as %s: %w; copy the file %s by hand and omit --keep-old", j.KeepOld,
			j.Damage, j.Path)
	}
	part := j.KeepOld + ".part"
	if err := database.Create(part); err != nil {
		return fmt.Errorf("keep the old database as %s: %w; delete it if an interrupted replay left it", j.KeepOld, err)
	}
	if err := database.Copy(ctx, j.Path, part); err != nil {
		return fmt.Errorf("keep the old database as %s: %w", j.KeepOld, err)
	}
	if err := os.Rename(part, j.KeepOld); err != nil {
		return fmt.Errorf("keep the old database as %s: %w", j.KeepOld, err)
	}
	crashpoint.At("replay.kept")
	return nil
}

// release closes the new database, so that all of it is in its file. Whoever
// fills it locks the path that leads to it, as before.
func (s *candidate) release(ctx context.Context) error {
	err := s.Finish(ctx)
	s.released = true
	return err
}
