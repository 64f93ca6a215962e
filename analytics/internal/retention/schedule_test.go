package retention_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"purchases/analytics/internal/retention"
)

// A schedule prunes at once and at each tick, beside the writer.
func TestSchedulePrunesAtEachTick(t *testing.T) {
	s := filled(t, 50)
	before := s.dump()
	ctx, stop := context.WithCancel(t.Context())
	tick, ended := make(chan time.Time), make(chan struct{})
	go func() {
		defer close(ended)
		retention.Schedule(ctx, s.db.Path, 90, tick, slog.New(slog.DiscardHandler))
	}()
	tick <- time.Time{} // is taken when the first prune has ended
	tick <- time.Time{}
	if n := get[int](s, `SELECT count(*) FROM events`); n != 0 || s.dump() != before {
		t.Errorf("%d events are left, statistics\n%s\nthey were\n%s", n, s.dump(), before)
	}
	s.write(sale(900, time.Now().Add(-time.Hour).UnixMilli()))
	tick <- time.Time{}
	stop()
	<-ended
	if n := get[int](s, `SELECT count(*) FROM events`); n != 1 {
		t.Errorf("%d events are kept, want the new one", n)
	}
	s.wantRight()
}
