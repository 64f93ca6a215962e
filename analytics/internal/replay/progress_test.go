package replay

import (
	"context"
	"path/filepath"
	"testing"

	"purchases/analytics/internal/database"
)

func TestProgressOfARunningReplay(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "a.db")
	if p, err := Running(ctx, path); p != nil || err != nil {
		t.Errorf("without a replay: %v, %v", p, err)
	}
	served, err := database.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	build, err := database.Build(ctx, path+".2", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer build.Close()
	build.MustExec(`INSERT INTO internal_replays (replay, kind, plan, result, started_at) VALUES (3, 'log', '',
		'building', 1000000000);
		INSERT INTO internal_partitions (topic, partition, next_offset, high_watermark) VALUES ('analytics', 0, 30, 90),
		('analytics', 1, 20, NULL)`)
	p, err := Running(ctx, path)
	if err != nil || p == nil {
		t.Fatalf("progress %v, %v", p, err)
	}
	if p.Done != 50 || p.Total != 110 || p.StartedAt != 1_000_000_000 {
		t.Errorf("%d of %d offsets since %v, want 50 of 110", p.Done, p.Total, p.Since())
	}
	if err := build.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err := Running(ctx, path); p != nil || err != nil {
		t.Errorf("after the replay's process has ended: %v, %v", p, err)
	}
}
