package server

import (
	"context"
	"sync/atomic"
	"time"
)

// slots bound what is done at a time, and how much waits for its turn.
type slots struct {
	free    chan struct{}
	queue   int64
	waiting atomic.Int64
}

func newSlots(atOnce int, queue int64) *slots {
	return &slots{free: make(chan struct{}, atOnce), queue: queue}
}

// take waits for its turn. It fails with errBusy when the queue is full or the
// turn does not come in time.
func (s *slots) take(ctx context.Context) (release func(), err error) {
	release = func() { <-s.free }
	select {
	case s.free <- struct{}{}:
		return release, nil
	default:
	}
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > s.queue {
		return nil, errBusy
	}
	timer := time.NewTimer(queueTime)
	defer timer.Stop()
	select {
	case s.free <- struct{}{}:
		return release, nil
	case <-timer.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
