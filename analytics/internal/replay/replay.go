// Package replay rebuilds a database from Kafka, or its statistics from its
// events, without anyone noticing: the new database is built in a file beside
// the old one, compared with it, and put in its place in one step. Until then
// the old one serves, and a process that fills it continues filling it.
//
// Whatever interrupts it, the old database is as it was. What was built stays,
// and the next replay continues from there if it would have begun the same way.
package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/producer/kafka"
	"purchases/producer/testkit/crashpoint"
)

// ErrDeclined is the error of a replay that its Options.Accept did not want.
var ErrDeclined = errors.New("declined; the current database stays in use")

// Request says what to rebuild from where.
type Request struct {
	Path  string // of the database
	Kafka kafka.Settings
	// Topics, where they have names, are those to move the database to. Without
	// names they are those that it was built from.
	Topics ingest.Topics
	// KeepMissing copies from the old database what the log has lost.
	KeepMissing bool
	Log         *slog.Logger
}

// Options say what to do with what was built.
type Options struct {
	CheckOnly bool   // compare and throw away
	KeepOld   string // file for a copy of the old database; empty for none
	Zone      string // the new reporting zone; empty for that of the old database
	// Accept is asked before the new database is put in place; it may decline
	// by an error. Nil accepts.
	Accept   func(*Report) error
	Observer Observer
}

// Observer is told how far the work is. Its functions are called by one
// goroutine at a time.
type Observer struct {
	Begin  func(stage string, total int64, unit string) // total is 0 where it is not known
	Stored func([]batch.Chunk)                          // that many records of the total are done
	Step   func()                                       // one part of the total is done, where there are no records
	End    func()
}

// job is one replay at work.
type job struct {
	*Plan
	Options
	candidate *candidate
	report    Report
}

// Run carries out a plan. With CheckOnly it changes nothing; otherwise, when it
// returns nil, the plan's path leads to the new database and the old one is
// gone. After an error or a kill, the old one is in place as it was.
func Run(ctx context.Context, plan *Plan, options Options) (_ *Report, err error) {
	if problem := plan.Refusal(); problem != nil {
		return nil, problem
	}
	j := &job{Plan: plan, Options: options, report: Report{Damage: plan.Damage, Moved: plan.Moved}}
	if j.candidate, err = plan.open(ctx); err != nil {
		return nil, err
	}
	err = j.work(ctx)
	if !j.candidate.released {
		err = errors.Join(err, j.candidate.Close())
	}
	if err == nil && options.CheckOnly {
		err = database.Remove(plan.Build)
	}
	return &j.report, err
}

func (j *job) work(ctx context.Context) error {
	crashpoint.At("replay.begun")
	for _, step := range []func(context.Context) error{j.copyForward, j.build, j.compare} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if j.CheckOnly {
		return j.recordCheck(ctx)
	}
	if j.Accept != nil {
		if err := j.Accept(&j.report); err != nil {
			return err
		}
	}
	synced := make(chan error, 1)
	go func() { synced <- j.candidate.Sync() }()
	err := j.catchUp(ctx)
	if syncErr := <-synced; err == nil {
		err = syncErr
	}
	if err != nil {
		return err
	}
	return j.putInPlace(ctx)
}

// build reads the log: exactly up to where the old database stands, so that
// the two can be compared, or where there is nothing to compare with, to its end.
func (j *job) build(ctx context.Context) error {
	config := j.config()
	if j.comparable() {
		config.Until = map[batch.Partition]int64{}
		for p, next := range j.old.positions {
			config.Until[p] = max(next, j.start(p))
		}
	}
	if err := j.ingest(ctx, "read", j.Records, config); err != nil {
		return err
	}
	crashpoint.At("replay.built")
	return nil
}

// comparable says whether old and new can be brought to the same offsets.
func (p *Plan) comparable() bool { return !p.Moved && p.Damage == nil }

// config is for a run that ends where the log ends.
func (j *job) config() ingest.Config {
	return ingest.Config{Kafka: j.Kafka, Topics: j.Topics, Drain: true, DrainTimeout: -1, KnownGap: j.old.hasGap,
		Log: j.Log}
}

// ingest runs one stage of reading. It returns the number of records read.
func (j *job) ingest(ctx context.Context, stage string, total int64, config ingest.Config) error {
	j.Observer.Begin(stage, total, "records")
	defer j.Observer.End()
	config.Stored = func(chunks []batch.Chunk) {
		j.report.Records += int64(batch.Records(chunks))
		j.Observer.Stored(chunks)
	}
	if err := ingest.Run(ctx, j.candidate.Database, config); err != nil {
		return fmt.Errorf("build %s: %w", j.Build, err)
	}
	return nil
}
