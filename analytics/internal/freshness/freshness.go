// Package freshness says what an answer reflects: how far each log had been
// stored at the moment of the database that the answer was read from. It does
// not ask Kafka; where the ends of the logs are known of this moment,
// [Freshness.SetLag] takes them.
package freshness

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/lag"
)

// Freshness is what an answer reflects.
type Freshness struct {
	AsOf      time.Time      // when the database was looked at
	Positions []lag.Position // in order of topic and partition
	// Lag is how many offsets were to be read yet, over all logs, when they were
	// read last, or at AsOf after [Freshness.SetLag]; nil when unknown.
	Lag    *int64
	Replay int64 // the number of the replay that made the database; 0 when none did
	// KeptSince is the instant since when raw events are kept; zero for all.
	KeptSince time.Time
	pruned    int64 // events that are not kept any more
}

// Read reads the positions. To say what an answer reflects it must run in the
// transaction that the answer is read in.
func Read(ctx context.Context, db sqlx.QueryerContext) (Freshness, error) {
	f := Freshness{AsOf: time.Now().UTC()}
	var err error
	if f.Positions, err = lag.Read(ctx, db); err != nil {
		return f, err
	}
	if err := sqlx.GetContext(ctx, db, &f.Replay,
		`SELECT ifnull(max(replay), 0) FROM internal_replays WHERE result = 'in place'`); err != nil {
		return f, fmt.Errorf("read which replay made the database: %w", err)
	}
	if err := f.readKept(ctx, db); err != nil {
		return f, fmt.Errorf("read since when events are kept: %w", err)
	}
	f.Lag = lag.Total(f.Positions, lag.Recorded)
	return f, nil
}

func (f *Freshness) readKept(ctx context.Context, db sqlx.QueryerContext) error {
	var since *int64
	err := db.QueryRowxContext(ctx,
		`SELECT kept_since, (SELECT ifnull(sum(events), 0) FROM internal_pruned) FROM internal_database`).
		Scan(&since, &f.pruned)
	if since != nil {
		f.KeptSince = time.UnixMilli(*since).UTC()
	}
	return err
}

// SetLag compares the positions with the ends of the logs. Where one is not
// among them, as when Kafka does not answer, the lag is unknown.
func (f *Freshness) SetLag(ends lag.Ends) { f.Lag = lag.Total(f.Positions, ends.Lag) }

// LastEvent is the time of the latest event of all logs, or zero before the first.
func (f *Freshness) LastEvent() time.Time { return f.latest((*lag.Position).LatestEvent) }

// LastStored is when something was stored last, or zero if nothing ever was.
func (f *Freshness) LastStored() time.Time { return f.latest((*lag.Position).LastStored) }

func (f *Freshness) latest(of func(*lag.Position) time.Time) (newest time.Time) {
	for i := range f.Positions {
		if at := of(&f.Positions[i]); at.After(newest) {
			newest = at
		}
	}
	return newest
}

// Offsets lists what is stored next, such as "analytics:0=17,analytics:1=4".
func (f *Freshness) Offsets() string {
	parts := make([]string, len(f.Positions))
	for i, p := range f.Positions {
		parts[i] = fmt.Sprintf("%s:%d=%d", p.Topic, p.Partition.Partition, p.NextOffset)
	}
	return strings.Join(parts, ",")
}

// Tag is the same for two looks at one database with the same stored offsets,
// and differs, but for chance, for others. After a replay or a prune, the same
// offsets may give other answers.
func (f *Freshness) Tag() string {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, f.Replay, f.pruned, f.Offsets()) // never fails
	return strconv.FormatUint(hash.Sum64(), 36)
}

// Empty says whether nothing has ever been stored.
func (f *Freshness) Empty() bool { return f.sum() == 0 }

func (f *Freshness) sum() (offsets int64) {
	for _, p := range f.Positions {
		offsets += p.NextOffset
	}
	return offsets
}

// String is one line for people.
func (f *Freshness) String() string {
	line := fmt.Sprintf("as of %s, %d offsets stored of %d partitions", f.AsOf.Format(time.RFC3339), f.sum(),
		len(f.Positions))
	if last := f.LastEvent(); !last.IsZero() {
		line += ", last event " + last.Format(time.RFC3339)
	}
	if f.Lag != nil {
		line += fmt.Sprintf(", lag %d", *f.Lag)
	}
	return line
}
