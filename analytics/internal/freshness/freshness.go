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
)

// Log names one partition of a topic.
type Log struct {
	Topic     string
	Partition int32
}

func (l Log) String() string { return fmt.Sprintf("%s:%d", l.Topic, l.Partition) }

// Position is how far one log had been stored.
type Position struct {
	Log
	NextOffset int64  `db:"next_offset"` // every record below it was in the database
	Watermark  *int64 // of the latest event, milliseconds since 1970 UTC
	StoredAt   *int64 `db:"stored_at"` // milliseconds since 1970 UTC
	// HighWatermark is where the log ended when it was read last; nil when unknown.
	HighWatermark *int64 `db:"high_watermark"`
}

// Freshness is what an answer reflects.
type Freshness struct {
	AsOf      time.Time  // when the database was looked at
	Positions []Position // in order of topic and partition
	// Lag is how many offsets were to be read yet, over all logs, when they were
	// read last, or at AsOf after [Freshness.SetLag]; nil when unknown.
	Lag    *int64
	Replay int64 // the number of the replay that made the database; 0 when none did
}

// Read reads the positions. To say what an answer reflects it must run in the
// transaction that the answer is read in.
func Read(ctx context.Context, db sqlx.QueryerContext) (Freshness, error) {
	f := Freshness{AsOf: time.Now().UTC()}
	err := sqlx.SelectContext(ctx, db, &f.Positions,
		`SELECT topic, partition, next_offset, latest_event_at AS watermark, stored_at, high_watermark FROM internal_partitions ORDER BY topic, partition`)
	if err != nil {
		return f, fmt.Errorf("read the stored offsets: %w", err)
	}
	if err := sqlx.GetContext(ctx, db, &f.Replay, `SELECT ifnull(max(replay), 0) FROM internal_replays WHERE result = 'in place'`); err != nil {
		return f, fmt.Errorf("read which replay made the database: %w", err)
	}
	f.setLastLag()
	return f, nil
}

// setLastLag takes one offset behind what is stored for the end of a
// transaction, which is no record.
func (f *Freshness) setLastLag() {
	var lag int64
	for _, p := range f.Positions {
		if p.HighWatermark == nil {
			return
		}
		lag += max(*p.HighWatermark-p.NextOffset-1, 0)
	}
	f.Lag = &lag
}

// LastEvent is the time of the latest event of all logs, or zero before the first.
func (f *Freshness) LastEvent() time.Time {
	return latest(f.Positions, func(p Position) *int64 { return p.Watermark })
}

// LastStored is when something was stored last, or zero if nothing ever was.
func (f *Freshness) LastStored() time.Time {
	return latest(f.Positions, func(p Position) *int64 { return p.StoredAt })
}

func latest(positions []Position, of func(Position) *int64) time.Time {
	var newest *int64
	for _, p := range positions {
		if ms := of(p); ms != nil && (newest == nil || *ms > *newest) {
			newest = ms
		}
	}
	if newest == nil {
		return time.Time{}
	}
	return time.UnixMilli(*newest).UTC()
}

// Offsets lists what is stored next, such as "analytics:0=17,analytics:1=4".
func (f *Freshness) Offsets() string {
	parts := make([]string, len(f.Positions))
	for i, p := range f.Positions {
		parts[i] = p.Log.String() + "=" + strconv.FormatInt(p.NextOffset, 10)
	}
	return strings.Join(parts, ",")
}

// Tag is the same for two looks at one database with the same stored offsets,
// and differs, but for chance, for others. After a replay, the same offsets may
// give other answers.
func (f *Freshness) Tag() string {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, f.Replay, f.Offsets()) // never fails
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
	line := fmt.Sprintf("as of %s, %d offsets stored of %d partitions", f.AsOf.Format(time.RFC3339), f.sum(), len(f.Positions))
	if last := f.LastEvent(); !last.IsZero() {
		line += ", last event " + last.Format(time.RFC3339)
	}
	if f.Lag != nil {
		line += fmt.Sprintf(", lag %d", *f.Lag)
	}
	return line
}

// End is where a log ended when Kafka was asked.
type End struct {
	LastRecord    int64 // offset of the last record that can be read; negative when there is none
	HighWatermark int64 // the offset that the next record will get
}

// SetLag compares the positions with the ends of the logs. Where one is not
// among them, as when Kafka does not answer, the lag is unknown.
func (f *Freshness) SetLag(ends map[Log]End) {
	f.Lag = nil
	var lag int64
	for _, p := range f.Positions {
		end, known := ends[p.Log]
		if !known {
			return
		}
		lag += end.Lag(p.NextOffset)
	}
	f.Lag = &lag
}

// Lag is how many offsets are to be read yet, at most: transaction markers
// count, but a log whose last record is stored has none.
func (e End) Lag(nextOffset int64) int64 {
	if e.LastRecord < nextOffset {
		return 0
	}
	return e.HighWatermark - nextOffset
}
