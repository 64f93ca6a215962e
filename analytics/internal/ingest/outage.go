package ingest

import (
	"log/slog"
	"sync"
	"time"

	"purchases/analytics/internal/batch"
)

// quiet is after how long without an error a partition counts as reachable
// again: longer than the longest pause between two attempts.
const quiet = 2 * longestPause

// outage logs that the broker is away, and that it is back: each once, however
// many partitions notice and however often they try.
type outage struct {
	log *slog.Logger

	mu     sync.Mutex
	failed map[batch.Partition]time.Time // partitions that cannot be read: the last attempt
	since  time.Time
}

func newOutage(log *slog.Logger) *outage {
	return &outage{log: log, failed: map[batch.Partition]time.Time{}}
}

// fail notes a failed attempt to read the partition.
func (o *outage) fail(p batch.Partition, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.failed) == 0 {
		o.since = time.Now()
		o.log.Warn("waiting for the broker; retrying until it works", "partition", p, "cause", cause)
	}
	o.failed[p] = time.Now()
}

// read notes that a record of the partition has arrived.
func (o *outage) read(p batch.Partition) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.failed[p]; ok {
		o.forget(p)
	}
}

// reachable notes that the cluster has answered: partitions that have not
// failed lately have no more than nothing new.
func (o *outage) reachable() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for p, last := range o.failed {
		if time.Since(last) > quiet {
			o.forget(p)
		}
	}
}

func (o *outage) forget(p batch.Partition) {
	delete(o.failed, p)
	if len(o.failed) == 0 {
		o.log.Info("the broker is back; reading again", "after", time.Since(o.since).Round(time.Millisecond))
	}
}
