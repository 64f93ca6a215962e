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

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/sources"
)

// Target is a record that somebody waits for.
type Target struct {
	batch.Partition
	Offset int64
}

func (t Target) String() string {
	return fmt.Sprintf("%s:%d:%d", t.Topic, t.Partition.Partition, t.Offset)
}

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
	return Target{batch.Partition{Topic: parts[0], Partition: int32(partition)}, offset}, nil
}

// Reached says whether the database reflects the record: it is stored itself,
// where the database is made from its topic, or else its result is, which the
// processor made of it.
func Reached(ctx context.Context, db sqlx.QueryerContext, t Target) (bool, error) {
	var next int64
	err := sqlx.GetContext(ctx, db, &next, `SELECT next_offset FROM internal_partitions WHERE topic = ? AND partition = ?`,
		t.Topic, t.Partition.Partition)
	if errors.Is(err, sql.ErrNoRows) {
		return sources.Stored(ctx, db, t.Topic, t.Partition.Partition, t.Offset)
	}
	if err != nil {
		return false, fmt.Errorf("read the stored offset of %s: %w", t.Partition, err)
	}
	return next > t.Offset, nil
}

// pollEvery is how often Wait looks at the database.
const pollEvery = 25 * time.Millisecond

// ErrNotReached is the error of a wait for a record that the database does not
// reflect.
var ErrNotReached = errors.New("not stored")

// Wait polls the database until it reflects the record. It fails with an
// [ErrNotReached] when the time of ctx is over, and at once where the database
// has records of other topics that the processor reads and none of this one.
func Wait(ctx context.Context, v lag.Viewer, t Target) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for first := true; ; first = false {
		reached := false
		err := v.View(ctx, func(db sqlx.QueryerContext) (err error) {
			if reached, err = Reached(ctx, db, t); err != nil || reached || !first {
				return err
			}
			return checkTopic(ctx, db, t)
		})
		switch {
		case reached:
			return nil
		case ctx.Err() != nil:
			return endOfWait(ctx, t)
		case err != nil:
			return err
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func endOfWait(ctx context.Context, t Target) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fmt.Errorf("wait for %s: %w in time; `analytics status` shows how far each log is", t, ErrNotReached)
}

// checkTopic finds a name that is spelled wrong.
func checkTopic(ctx context.Context, db sqlx.QueryerContext, t Target) error {
	var inputs, outputs []string
	if err := sqlx.SelectContext(ctx, db, &inputs, `SELECT DISTINCT topic FROM internal_sources`); err != nil {
		return fmt.Errorf("read the topics of the sources: %w", err)
	}
	if err := sqlx.SelectContext(ctx, db, &outputs, `SELECT DISTINCT topic FROM internal_partitions`); err != nil {
		return fmt.Errorf("read the topics of the partitions: %w", err)
	}
	all := append(outputs, inputs...)
	if len(inputs) == 0 || slices.Contains(all, t.Topic) {
		return nil
	}
	return fmt.Errorf("wait for %s: %w: the database has nothing of the topic %q, it knows %s", t, ErrNotReached, t.Topic,
		strings.Join(all, ", "))
}
