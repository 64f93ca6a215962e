package freshness

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/sources"
)

// Target is a record that somebody waits for.
type Target struct {
	Log
	Offset int64
}

func (t Target) String() string { return fmt.Sprintf("%s:%d", t.Log, t.Offset) }

// ParseTarget reads "topic:partition:offset". A topic may not hold a colon.
func ParseTarget(text string) (Target, error) {
	wrong := fmt.Errorf("%.100q: want topic:partition:offset, such as purchases:0:41", text)
	parts := strings.Split(text, ":")
	if len(parts) != 3 || parts[0] == "" {
		return Target{}, wrong
	}
	partition, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil || partition < 0 {
		return Target{}, wrong
	}
	offset, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || offset < 0 {
		return Target{}, wrong
	}
	return Target{Log{parts[0], int32(partition)}, offset}, nil
}

// Reached says whether the database reflects the record: it is stored itself,
// where the database is made from its topic, or else its result is, which the
// processor made of it.
func Reached(ctx context.Context, db sqlx.QueryerContext, t Target) (bool, error) {
	var next int64
	err := sqlx.GetContext(ctx, db, &next, `SELECT next_offset FROM partitions WHERE topic = ? AND partition = ?`, t.Topic, t.Partition)
	if errors.Is(err, sql.ErrNoRows) {
		return sources.Stored(ctx, db, t.Topic, t.Partition, t.Offset)
	}
	if err != nil {
		return false, fmt.Errorf("read the stored offset of %s: %w", t.Log, err)
	}
	return next > t.Offset, nil
}

// pollEvery is how often Wait looks at the database.
const pollEvery = 25 * time.Millisecond

// Wait looks at the database until it reflects the record. When the time of
// ctx is over, the error says what is known.
func Wait(ctx context.Context, db sqlx.QueryerContext, t Target) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		reached, err := Reached(ctx, db, t)
		if reached {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("wait for %s: %s", t, missing(context.WithoutCancel(ctx), db, t))
		case <-ticker.C:
		}
	}
}

// missing says why the record may not be there.
func missing(ctx context.Context, db sqlx.QueryerContext, t Target) string {
	var topics []string
	err := sqlx.SelectContext(ctx, db, &topics, `SELECT topic FROM partitions UNION SELECT topic FROM sources`)
	if err == nil && !slices.Contains(topics, t.Topic) {
		return fmt.Sprintf("the database has nothing of the topic %q, it knows %s", t.Topic, strings.Join(topics, ", "))
	}
	return "it is not stored yet; `analytics status` shows how far each log is"
}
