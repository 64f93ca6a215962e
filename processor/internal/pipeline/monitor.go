package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

const (
	monitorInterval = 5 * time.Second
	stallLimit      = time.Minute      // in which a partition with pending records must move
	awayLimit       = 30 * time.Second // without a session
	openLimit       = 10 * time.Second // that an open transaction may hold a partition up unmentioned
)

// Health is what /readyz and systemd's watchdog ask about a run. Its zero value
// is that of a run that has not begun. Its methods are safe for concurrent use.
type Health struct {
	mu         sync.Mutex
	away       time.Time // since when there is no session; zero while there is one
	cause      error
	begun      bool
	partitions map[int32]partitionHealth
}

type partitionHealth struct {
	offset int64     // of the first pending record
	since  time.Time // when that was first seen to be pending; zero without any
	held   bool      // by an open transaction
	topic  string
}

// Reasons says why the run is not ready, one line each.
func (h *Health) Reasons() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun {
		return []string{"no partitions are assigned yet"}
	}
	var reasons []string
	if gone := time.Since(h.away); !h.away.IsZero() && gone > awayLimit {
		reasons = append(reasons, fmt.Sprintf("interrupted %s ago: %v", gone.Round(time.Second), h.cause))
	}
	for partition, p := range h.partitions {
		if stalled := time.Since(p.since); !p.since.IsZero() && stalled > stallLimit {
			reasons = append(reasons, p.reason(partition, stalled))
		}
	}
	slices.Sort(reasons)
	return reasons
}

func (p partitionHealth) reason(partition int32, stalled time.Duration) string {
	cause := "it is not processed"
	if p.held {
		cause = "an open transaction of another producer begins there"
	}
	return fmt.Sprintf("%s/%d has been at offset %d for %s: %s", p.topic, partition, p.offset, stalled.Round(time.Second),
		cause)
}

func (h *Health) sessionBegan() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun, h.away, h.cause, h.partitions = true, time.Time{}, nil, map[int32]partitionHealth{}
}

// sessionFailed keeps the time of the first failure since the last session.
func (h *Health) sessionFailed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause = err; h.away.IsZero() {
		h.away = time.Now()
	}
	h.partitions = nil
}

func (h *Health) pending(p kafka.Pending, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.partitions == nil { // the session has ended meanwhile
		return
	}
	next := partitionHealth{topic: p.Topic, offset: p.Offset, held: p.Open}
	if last := h.partitions[p.Partition]; p.Lag() > 0 {
		next.since = now
		if last.offset == p.Offset && !last.since.IsZero() {
			next.since = last.since
		}
	}
	h.partitions[p.Partition] = next
}

// monitor looks every few seconds at what the partition holds from the offset on
// that the session began at, or from the last that it has committed since.
func (s *session) monitor(ctx context.Context, partition int32, from int64) {
	tick := time.NewTicker(monitorInterval)
	defer tick.Stop()
	for {
		if next := s.progress.position(partition); next > 0 {
			from = next
		}
		s.look(partition, from)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *session) look(partition int32, position int64) {
	pending, err := s.findPending(partition, position)
	if err != nil { // the session notices what stays
		s.Log.Debug("no lag known", "topic", s.Input, "partition", partition, "cause", err)
		return
	}
	now := time.Now()
	s.Metrics.pending(pending, now)
	s.Health.pending(pending, now)
	if pending.Open && pending.Age(now) > openLimit {
		s.Log.Warn("an open transaction of another producer blocks the partition",
			"topic", s.Input, "partition", partition, "offset", pending.Offset, "age", pending.Age(now).Round(time.Second))
	}
}

// findPending starts at the oldest record where the group has no position.
func (p *pipeline) findPending(partition int32, position int64) (kafka.Pending, error) {
	if position < 0 {
		var err error
		if position, err = p.client.GetOffset(p.Input, partition, sarama.OffsetOldest); err != nil {
			return kafka.Pending{}, err
		}
	}
	return kafka.FindPending(p.client, p.Input, partition, position)
}

func partitionLabel(partition int32) string { return strconv.Itoa(int(partition)) }
