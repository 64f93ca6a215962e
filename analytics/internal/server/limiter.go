package server

import (
	"context"
	"slices"
	"sync"
	"time"
)

// limiter bounds how many queries run at a time, and how many wait for their
// turn. A turn goes to the client that has the fewest queries running, so that
// one that asks much holds up nobody else.
type limiter struct {
	queueLimit int

	mu      sync.Mutex
	free    int
	running map[string]int // by client
	queue   []*turn        // in order of arrival
}

type turn struct {
	client  string
	granted chan struct{}
}

func newLimiter(atOnce, queueLimit int) *limiter {
	return &limiter{queueLimit: queueLimit, free: atOnce, running: map[string]int{}}
}

// take waits for its turn. It fails with errBusy when the queue is full, when
// half of it is the client's own, or when the turn does not come in time.
func (l *limiter) take(ctx context.Context) (release func(), err error) {
	client := clientOf(ctx)
	release = sync.OnceFunc(func() { l.release(client) })
	t, err := l.enqueue(client)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(queueTime)
	defer timer.Stop()
	select {
	case <-t.granted:
		return release, nil
	case <-timer.C:
		err = errBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	if l.leave(t) {
		return nil, err
	}
	return release, nil // the turn came at the same moment
}

func (l *limiter) enqueue(client string) (*turn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &turn{client, make(chan struct{})}
	l.queue = append(l.queue, t)
	l.grant()
	if len(l.queue) > l.queueLimit || l.waiting(client) > max(l.queueLimit/2, 1) {
		l.queue = slices.DeleteFunc(l.queue, func(other *turn) bool { return other == t })
		return nil, errBusy
	}
	return t, nil
}

func (l *limiter) waiting(client string) (n int) {
	for _, t := range l.queue {
		if t.client == client {
			n++
		}
	}
	return n
}

// leave says whether the turn was still waiting.
func (l *limiter) leave(t *turn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.queue, t)
	if i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	return i >= 0
}

func (l *limiter) release(client string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free++
	if l.running[client]--; l.running[client] == 0 {
		delete(l.running, client)
	}
	l.grant()
}

// grant gives the free places to those who wait.
func (l *limiter) grant() {
	for l.free > 0 && len(l.queue) > 0 {
		next := 0
		for i, t := range l.queue {
			if l.running[t.client] < l.running[l.queue[next].client] {
				next = i
			}
		}
		t := l.queue[next]
		l.queue = slices.Delete(l.queue, next, next+1)
		l.free--
		l.running[t.client]++
		close(t.granted)
	}
}

// quota bounds what is held at a time, such as bytes of answers under way. One
// client may hold half of it.
type quota struct {
	limit int64

	mu   sync.Mutex
	used int64
	by   map[string]int64 // client
}

func newQuota(limit int64) *quota { return &quota{limit: limit, by: map[string]int64{}} }

// take fails with errBusy at once where there is no room.
func (q *quota) take(ctx context.Context, n int64) (release func(), err error) {
	client := clientOf(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used+n > q.limit || q.by[client]+n > q.limit/2 {
		return nil, errBusy
	}
	q.add(client, n)
	return sync.OnceFunc(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.add(client, -n)
	}), nil
}

func (q *quota) add(client string, n int64) {
	q.used += n
	if q.by[client] += n; q.by[client] == 0 {
		delete(q.by, client)
	}
}
