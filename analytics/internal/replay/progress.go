package replay

import (
	"context"
	"errors"
	"time"

	"purchases/analytics/internal/database"
)

// Progress is how far a replay in another process is.
type Progress struct {
	StartedAt   int64 `db:"started_at"` // milliseconds since 1970
	Done, Total int64 // offsets of all partitions
}

// Since is when the replay began.
func (p *Progress) Since() time.Time { return time.UnixMilli(p.StartedAt).UTC() }

// Running returns the progress of the replay that builds a database for path
// now. It is nil when there is none, or none that has read anything yet.
func Running(ctx context.Context, path string) (_ *Progress, err error) {
	file, found := database.RunningBuild(path)
	if !found {
		return nil, nil
	}
	db, err := database.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var progress []Progress
	err = db.SelectContext(ctx, &progress,
		`SELECT r.started_at, sum(p.next_offset) AS done, sum(max(p.next_offset, ifnull(p.high_watermark, 0))) AS total
		FROM internal_replays r, internal_partitions p WHERE r.result = 'building' GROUP BY r.replay ORDER BY r.replay DESC
		LIMIT 1`)
	if err != nil || len(progress) == 0 {
		return nil, err
	}
	return &progress[0], nil
}
