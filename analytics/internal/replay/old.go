package replay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/analytics/internal/zone"
)

// errDamaged is the error of a database that SQLite cannot read.
var errDamaged = errors.New("the current database cannot be read")

// old is the database to be replaced, as it was when the plan was made.
type old struct {
	db        *sqlx.DB // nil when it cannot be read
	topics    ingest.Topics
	zone      *zone.Zone                // nil when it cannot be read
	positions map[batch.Partition]int64 // the next offsets
	figures   []figure                  // at these offsets
	pruned    pruned                    // what it does not have any more
	records   int64                     // stored, of all partitions
	replays   int64                     // the number of the last one
	rate      int64                     // of the last one, in records a second; 0 when there was none
}

// openOld opens the database of the path for reading. One that is damaged is
// an errDamaged.
func openOld(ctx context.Context, path string) (*old, error) {
	db, err := database.OpenReader(path)
	if err != nil {
		return nil, damaged(err)
	}
	o := &old{db: db}
	if err := o.look(ctx); err != nil {
		return nil, errors.Join(damaged(err), db.Close())
	}
	return o, nil
}

func damaged(err error) error {
	fault := sqlite3.Error{}
	if errors.As(err, &fault) && (fault.Code == sqlite3.ErrCorrupt || fault.Code == sqlite3.ErrNotADB) {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

func (o *old) close() error {
	if o.db == nil {
		return nil
	}
	return o.db.Close()
}

// look reads one snapshot, so that the figures are those of the positions.
func (o *old) look(ctx context.Context) (err error) {
	tx, err := o.db.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("inspect the current database: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if o.topics, err = ingest.StoredTopics(ctx, tx); err != nil {
		return err
	}
	if o.zone, err = zone.Stored(ctx, tx); err != nil {
		return err
	}
	if o.positions, err = positions(ctx, tx); err != nil {
		return err
	}
	if o.figures, err = figures(ctx, tx); err != nil {
		return err
	}
	if err = o.pruned.look(ctx, tx); err != nil {
		return err
	}
	err = tx.QueryRowxContext(ctx,
		`SELECT (SELECT ifnull(sum(records), 0) FROM internal_partitions), (SELECT ifnull(max(replay), 0) FROM
			internal_replays),
		ifnull((SELECT records * 1000 / (finished_at - started_at) FROM internal_replays
			WHERE kind = 'log' AND finished_at > started_at ORDER BY replay DESC LIMIT 1), 0)`).Scan(&o.records, &o.replays,
		&o.rate)
	if err != nil {
		return fmt.Errorf("inspect the current database: %w", err)
	}
	return nil
}

// positions reads the next offset of every partition.
func positions(ctx context.Context, db sqlx.QueryerContext) (map[batch.Partition]int64, error) {
	var rows []struct {
		batch.Partition
		NextOffset int64 `db:"next_offset"`
	}
	if err := sqlx.SelectContext(ctx, db, &rows,
		`SELECT topic, partition, next_offset FROM internal_partitions`); err != nil {
		return nil, fmt.Errorf("read the stored offsets: %w", err)
	}
	next := map[batch.Partition]int64{}
	for _, r := range rows {
		next[r.Partition] = r.NextOffset
	}
	return next, nil
}

// countBefore counts for each log the stored records that are not read again.
func (o *old) countBefore(ctx context.Context, logs []Log) error {
	starts, args := startsOf(logs)
	if o.db == nil || starts == "" {
		return nil
	}
	var rows []struct {
		batch.Partition
		Records int64
	}
	err := o.db.SelectContext(ctx, &rows, starts+`
		SELECT topic, partition, count(*) AS records FROM (
			SELECT starts.topic, partition FROM events JOIN starts USING (partition) WHERE starts.events AND events.offset <
			starts.offset
			UNION ALL SELECT starts.topic, partition FROM retractions JOIN starts USING (partition) WHERE starts.events AND
			retractions.offset < starts.offset
			UNION ALL SELECT c.topic, r.partition FROM rejected r JOIN rejected_causes c USING (cause_id)
				JOIN starts s ON s.topic = c.topic AND s.partition = r.partition WHERE r.offset < s.offset
			UNION ALL SELECT topic, partition FROM expired JOIN starts USING (topic, partition)
				WHERE expired.offset < starts.offset
			UNION ALL SELECT topic, partition FROM duplicates JOIN starts USING (topic, partition) WHERE duplicates.offset <
			starts.offset
		) GROUP BY topic, partition`, args...)
	if err != nil {
		return fmt.Errorf("count the records that are not read again: %w", err)
	}
	for _, r := range rows {
		for i := range logs {
			if logs[i].Partition == r.Partition {
				logs[i].Before = r.Records
			}
		}
	}
	return nil
}

// hasGap says whether the old database has, by now, recorded these offsets as
// missing. It has not when that cannot be read.
func (o *old) hasGap(p batch.Partition, from, next int64) (has bool) {
	if o.db == nil {
		return false
	}
	err := o.db.Get(&has, `SELECT EXISTS (SELECT 1 FROM gaps
		WHERE topic = ? AND partition = ? AND from_offset <= ? AND to_offset >= ?)`, p.Topic, p.Partition, from, next-1)
	return err == nil && has
}

// startsOf is the beginning of a statement that knows where the reading of each
// log begins, if it does not do so at offset 0, and its arguments. It is empty
// when every log is read from there.
func startsOf(logs []Log) (with string, args []any) {
	var values []string
	for _, l := range logs {
		if l.From > 0 {
			values = append(values, "(?, ?, ?)")
			args = append(args, l.Topic, l.Partition.Partition, l.From)
		}
	}
	if args == nil {
		return "", nil
	}
	return `WITH given(topic, partition, offset) AS (VALUES ` + strings.Join(values, ", ") + `),
		starts AS (SELECT given.*, topic = (SELECT topic FROM internal_topics WHERE role = 'events') AS events FROM given)`,
		args
}
