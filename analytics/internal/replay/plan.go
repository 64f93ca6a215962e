package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/producer/kafka"
)

const (
	assumedRate  = 100_000 // records a second, where no replay has told yet
	bytesARecord = 150     // of a database, where there is no old one to tell; on the safe side
)

// Plan is what a replay is going to do.
type Plan struct {
	Path        string // of the database
	Kafka       kafka.Settings
	Topics      ingest.Topics // all named
	KeepMissing bool          // see [Request]
	Log         *slog.Logger
	Build       string // the file in which the new database is built
	Moved       bool   // the topics are others than those of the old database
	Damage      error  // why the old database cannot be read; nil when it can
	Aside       string // the file that keeps a damaged old database; empty where it is not damaged
	Logs        []Log  // in order of topic and partition
	// Records are to be read, at most: transaction markers count.
	Records int64
	// Rate, in records a second, is that of the last replay, or Assumed.
	Rate    int64
	Assumed bool
	// Bytes are needed on the disk, about, of those that are free.
	Bytes, Free int64
	// Resume says what becomes of an interrupted build; empty where there is none.
	Resume string

	old     *old
	resumed *resumeState // what is gone on from; nil where it starts clean
}

// Log is one partition of a plan.
type Log struct {
	batch.Partition
	From, To int64 // the first offset that the log still has, and the one after its last
	// Before is how many records the old database holds of those before From.
	Before int64
}

// Expected is how long reading takes, about.
func (p *Plan) Expected() time.Duration {
	return time.Duration(float64(p.Records) / float64(max(p.Rate, 1)) * float64(time.Second))
}

// Before is how many records of the old database are not read again.
func (p *Plan) Before() (n int64) {
	for _, l := range p.Logs {
		n += l.Before
	}
	return n
}

// Refusal says why the plan cannot be carried out, or nil.
func (p *Plan) Refusal() error {
	switch before, lost := p.Before(), p.lostPruned(); {
	case lost > 0:
		return fmt.Errorf("replay %s: the log has lost some of %d events from before %s, which were pruned, so no copy of "+
			"them is left; "+
			"keep the current database, or restore a backup from before the prune", p.Path, lost, p.old.pruned.kept.Date())
	case before > 0 && !p.KeepMissing:
		return fmt.Errorf("replay %s: the log has lost %d of the stored records, and without them the sums would be wrong; "+
			"pass --keep-missing to copy them from the current database", p.Path, before)
	case p.Bytes > p.Free:
		return fmt.Errorf("replay %s: about %d MB are needed in %s and %d MB are free; free some space and try again",
			p.Path, p.Bytes>>20, filepath.Dir(p.Build), p.Free>>20)
	}
	return nil
}

// start is the offset at which reading the partition begins.
func (p *Plan) start(partition batch.Partition) int64 {
	for _, l := range p.Logs {
		if l.Partition == partition {
			return l.From
		}
	}
	return 0
}

// Prepare makes a plan, and changes nothing. A log that is not the one that the
// old database was built from is an [ingest.ErrOtherLog]. The plan must be closed.
func Prepare(ctx context.Context, r Request) (_ *Plan, err error) {
	p := &Plan{
		Path: r.Path, Kafka: r.Kafka, KeepMissing: r.KeepMissing, Log: r.Log, Build: database.NextFile(r.Path),
	}
	if p.old, err = openOld(ctx, r.Path); errors.Is(err, errDamaged) {
		p.Damage, p.old, p.Aside = err, &old{}, database.DamagedFile(r.Path, time.Now())
	} else if err != nil {
		return nil, err
	}
	p.Topics = r.Topics.Or(p.old.topics).Or(ingest.DefaultTopics)
	p.Moved = p.Damage == nil && p.old.topics != p.Topics && p.old.topics != ingest.Topics{}
	if err := p.prepare(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close closes the old database.
func (p *Plan) Close() error { return p.old.close() }

func (p *Plan) prepare(ctx context.Context) error {
	if p.Moved && p.KeepMissing {
		return fmt.Errorf("replay %s from topic %q: --keep-missing keeps records of the same topic only; leave it out",
			p.Path, p.Topics.Events)
	}
	client, err := p.Kafka.Connect(ctx, p.Kafka.Config())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if p.comparable() {
		if err := ingest.SameLog(ctx, p.old.db, client); err != nil {
			return err
		}
	}
	if err := p.findLogs(ctx, client); err != nil {
		return err
	}
	if err := p.estimate(ctx); err != nil {
		return err
	}
	return p.findBuild(ctx)
}

func (p *Plan) findLogs(ctx context.Context, client sarama.Client) error {
	logs, err := ingest.FindBounds(ctx, client, p.Topics)
	if err != nil {
		return err
	}
	for partition, bounds := range logs {
		p.Logs = append(p.Logs, Log{Partition: partition, From: bounds.Oldest, To: bounds.Newest})
		p.Records += max(bounds.Newest-bounds.Oldest, 0)
	}
	slices.SortFunc(p.Logs, func(a, b Log) int { return a.Compare(b.Partition) })
	return p.old.countBefore(ctx, p.Logs)
}

func (p *Plan) estimate(ctx context.Context) error {
	p.Rate, p.Assumed = p.old.rate, p.old.rate == 0
	if p.Assumed {
		p.Rate = assumedRate
	}
	p.Bytes = p.Records * bytesARecord
	if file, log := database.Size(p.Path); p.old.records > 0 {
		p.Bytes = int64(float64(file+log) * float64(p.Records+p.Before()) / float64(p.old.records))
	}
	space, err := database.SpaceOf(p.Build)
	p.Free = space.Free
	return err
}
