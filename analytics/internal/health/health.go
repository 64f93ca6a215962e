// Package health says whether a process that fills or serves a database does its
// work: it is what /readyz and systemd's watchdog ask.
package health

import (
	"fmt"
	"sync"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/lag"
)

const (
	awayLimit  = time.Minute // that Kafka may be away
	stallLimit = time.Minute // in which a partition with lag must move
	// hungLimit is in which something must be stored where something waits. A batch
	// takes less than a second: it is that long so that no slow disk is taken for a
	// process that hangs, and never gets done.
	hungLimit = 10 * time.Minute
	checkFor  = time.Second // what a look at the database said is good for that long
)

// Health is told by an ingest what it does. Its fields are set before its first
// use; its methods are safe for concurrent use. The zero value knows of nothing
// that is wrong.
type Health struct {
	// Kafka returns what Kafka said last; nil when nobody asks it.
	Kafka func() lag.View
	// Readable says why the database cannot be read; nil when nobody is to know.
	Readable func() error
	// Room says why nothing is stored on the disk; nil when nothing is anyway.
	Room func() error

	mu      sync.Mutex
	full    error                      // why storing waits for room; nil while it does not
	queued  func(batch.Partition) bool // says whether something of the partition waits to be stored
	waiting time.Time                  // since when something waits and nothing was stored; zero where nothing does
	stored  time.Time                  // when something was stored last

	checking sync.Mutex
	checked  time.Time
	reading  error // at that time
}

// Begin is of an ingest that begins, or begins again. The function says whether
// something of a partition has been read and waits to be stored.
func (h *Health) Begin(queued func(batch.Partition) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queued, h.waiting = queued, time.Time{}
}

// Waiting is of something that waits to be stored, at least from now on.
func (h *Health) Waiting() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting.IsZero() {
		h.waiting = time.Now()
	}
}

// Idle is of an ingest that has nothing to store.
func (h *Health) Idle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = time.Time{}
}

// Stored is of a batch that is stored.
func (h *Health) Stored() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.full, h.waiting, h.stored = nil, time.Time{}, time.Now()
}

// Full is of an ingest that waits for room on the disk, until it has stored
// something. A nil cause is of one that does not, or not any more.
func (h *Health) Full(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.full, h.waiting = cause, time.Time{}
}

// Alive says whether the process makes progress or has a good reason not to: a
// restart does not bring Kafka back, and makes no room on a disk.
func (h *Health) Alive() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting.IsZero() || time.Since(h.waiting) < hungLimit
}

// Reasons says why the process is not ready, one line each.
func (h *Health) Reasons() (reasons []string) {
	if err := h.read(); err != nil {
		reasons = append(reasons, fmt.Sprintf("the database cannot be read: %v", err))
	}
	full := h.noRoom()
	if full != nil {
		reasons = append(reasons, fmt.Sprintf("storing waits for room on the disk: %v", full))
	}
	if h.Kafka == nil {
		return reasons
	}
	view := h.Kafka()
	switch {
	case view.Since.IsZero():
		return append(reasons, "Kafka has not answered yet")
	case !view.Reachable && time.Since(view.Since) >= awayLimit:
		return append(reasons, fmt.Sprintf("Kafka has not answered since %s", view.Since.Format(time.RFC3339)))
	}
	for _, s := range view.Still {
		if reason := h.stalled(s, full != nil); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// read looks at the database, but not for each who asks.
func (h *Health) read() error {
	h.checking.Lock()
	defer h.checking.Unlock()
	if h.Readable != nil && time.Since(h.checked) >= checkFor {
		h.reading, h.checked = h.Readable(), time.Now()
	}
	return h.reading
}

func (h *Health) noRoom() error {
	h.mu.Lock()
	full := h.full
	h.mu.Unlock()
	if full == nil && h.Room != nil {
		return h.Room()
	}
	return full
}

// stalled is empty for a partition that has moved lately, or has a good reason
// not to: the disk is full, or earlier events of others are being stored.
func (h *Health) stalled(s lag.Standstill, full bool) string {
	stalled := time.Since(s.Since)
	if stalled < stallLimit {
		return ""
	}
	at := fmt.Sprintf("%s has been at offset %d for %s: ", s.Partition, s.NextOffset, stalled.Round(time.Second))
	if s.Open != nil {
		return at + fmt.Sprintf("an open transaction of another producer begins at offset %d", s.Open.Offset)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	takesTurns := h.queued != nil && h.queued(s.Partition) && time.Since(h.stored) < stallLimit
	if full || takesTurns {
		return ""
	}
	return at + "its records are not stored"
}
