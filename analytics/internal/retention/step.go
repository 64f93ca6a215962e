package retention

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/eventsum"
	"purchases/analytics/internal/rollup"
	"purchases/producer/testkit/crashpoint"
)

// oldest are the events before the one with the identity (?1, ?2).
const oldest = `events WHERE (occurred_at, event_id) < (?1, ?2)`

// step deletes at most so many of the oldest events that are not kept, in one
// transaction with all that must go with them. The first step has later events of
// that age refused: none could be told from a duplicate.
func (p Plan) step(ctx context.Context, tx *sqlx.Tx, limit int) (deleted int64, err error) {
	var zone string
	if err := tx.GetContext(ctx, &zone, `SELECT zone FROM internal_database`); err != nil || zone != p.Zone {
		return 0, errors.Join(err, zoneChanged(zone, p.Zone))
	}
	_, err = tx.ExecContext(ctx, `UPDATE internal_database SET kept_since = ?1
		WHERE (kept_since IS NULL OR kept_since < ?1) AND EXISTS (SELECT 1 FROM events WHERE occurred_at < ?1)`, p.Kept.Since)
	if err != nil {
		return 0, fmt.Errorf("refuse older events: %w", err)
	}
	end, err := endOfStep(ctx, tx, limit)
	if err != nil || end == nil {
		return 0, err
	}
	if err := keepSums(ctx, tx, end); err != nil {
		return 0, err
	}
	crashpoint.At("prune.delete")
	return remove(ctx, tx, end)
}

func zoneChanged(now, then string) error {
	if now == then {
		return nil
	}
	return fmt.Errorf("the reporting zone has changed from %s to %s; try again", then, now)
}

// endOfStep is the identity before which the step deletes, or nil where nothing is
// to be deleted.
func endOfStep(ctx context.Context, tx *sqlx.Tx, limit int) ([]any, error) {
	var since sql.NullInt64
	var some bool
	err := tx.QueryRowxContext(ctx, `SELECT kept_since, EXISTS (SELECT 1 FROM events WHERE occurred_at < kept_since)
		FROM internal_database`).Scan(&since, &some)
	if err != nil || !some {
		return nil, err
	}
	var at int64
	var id []byte
	err = tx.QueryRowxContext(ctx, `SELECT occurred_at, event_id FROM events WHERE occurred_at < ?
		ORDER BY occurred_at, event_id LIMIT 1 OFFSET ?`, since.Int64, limit).Scan(&at, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return []any{since.Int64, []byte{}}, nil
	}
	return []any{at, id}, err
}

// keepSums adds what verify needs of the events that are going to be deleted.
func keepSums(ctx context.Context, tx *sqlx.Tx, end []any) error {
	statements := []string{partitions}
	for _, s := range rollup.StatisticsOf(`(SELECT * FROM ` + oldest + `) AS pruned`) {
		switch s.Table {
		case "stats_user":
			statements = append(statements, addTo("internal_pruned_users", s))
		case "stats_user_month":
			statements = append(statements, addTo("internal_pruned_user_months", s))
		}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement, end...); err != nil {
			return fmt.Errorf("keep the sums of the oldest events: %w", err)
		}
	}
	return keepChecksums(ctx, tx, end)
}

const partitions = `INSERT INTO internal_pruned (partition, events, first_offset, last_offset, latest_event_at,
	checksum)
	SELECT partition, count(*), min(offset), max(offset), max(occurred_at), 0 FROM ` + oldest + ` GROUP BY partition
	ON CONFLICT DO UPDATE SET events = events + excluded.events,
		first_offset = min(first_offset, excluded.first_offset), last_offset = max(last_offset, excluded.last_offset),
		latest_event_at = max(latest_event_at, excluded.latest_event_at)`

// addTo adds the statistic to the table that has its keys and values, but for those
// that do not add up.
func addTo(table string, s rollup.Statistic) string {
	var sums []string
	values := slices.Clone(s.Values)
	values = slices.DeleteFunc(values, func(v string) bool { return slices.Contains(s.Loose, v) })
	for _, v := range values {
		sums = append(sums, v+" = "+v+" + excluded."+v)
	}
	columns := strings.Join(slices.Concat(s.Keys, values), ", ")
	return `WITH part (` + strings.Join(s.Columns(), ", ") + `) AS (` + s.SQL + `)
		INSERT INTO ` + table + ` (` + columns + `) SELECT ` + columns + ` FROM part WHERE true
		ON CONFLICT DO UPDATE SET ` + strings.Join(sums, ", ")
}

// keepChecksums computes here: SQLite's integers do not wrap.
func keepChecksums(ctx context.Context, tx *sqlx.Tx, end []any) error {
	sums, err := eventsum.Of(ctx, tx, `(SELECT * FROM `+oldest+`)`, end...)
	if err != nil {
		return fmt.Errorf("compute the checksum of the oldest events: %w", err)
	}
	for partition, sum := range sums {
		var before int64
		err := tx.GetContext(ctx, &before, `SELECT checksum FROM internal_pruned WHERE partition = ?`, partition)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE internal_pruned SET checksum = ? WHERE partition = ?`,
				int64(uint64(before)+sum), partition)
		}
		if err != nil {
			return fmt.Errorf("keep the checksum of the events of partition %d: %w", partition, err)
		}
	}
	return nil
}

// remove deletes the events, and the combinations of attributes that no event has
// any more.
func remove(ctx context.Context, tx *sqlx.Tx, end []any) (deleted int64, err error) {
	for _, statement := range []string{
		`UPDATE attribute_sets SET events = events - n
			FROM (SELECT attribute_set_id AS id, count(*) AS n FROM ` + oldest + ` GROUP BY id) WHERE attribute_set_id = id`,
		`DELETE FROM attribute_sets
			WHERE events = 0 AND attribute_set_id IN (SELECT attribute_set_id FROM ` + oldest + `)`,
	} {
		if _, err := tx.ExecContext(ctx, statement, end...); err != nil {
			return 0, fmt.Errorf("count the attributes of the oldest events: %w", err)
		}
	}
	result, err := tx.ExecContext(ctx, `DELETE FROM `+oldest, end...)
	if err != nil {
		return 0, fmt.Errorf("delete the oldest events: %w", err)
	}
	return result.RowsAffected()
}
