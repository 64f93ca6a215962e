package ingest

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"purchases/analytics/internal/batch"
)

// queueBytes is the queue's budget: what the writer stores in half a second.
const queueBytes = 16 << 20

// queue holds what was read and is not stored yet. It is bounded by bytes,
// whatever waits in the logs: beyond its budget readers wait.
//
// It gives out what happened earliest, whichever partition has it, so that a
// backlog is stored in the order of its times, as a live stream is: rows then
// stand beside those before them, and not all over the database. A partition
// that is ahead of the others is not read on while they lack chunks.
type queue struct {
	budget int // in bytes

	mu         sync.Mutex
	partitions []*partitionQueue
	bytes      int
	added      chan struct{} // holds something after a put
	room       chan struct{} // closed by the next take
}

// partitionQueue is what is queued of one partition.
type partitionQueue struct {
	queue     *queue
	partition batch.Partition
	chunks    []queued
	bytes     int
	reached   int64     // event time of the last chunk that was put
	at        time.Time // when that was
	backlog   int64     // records that are left in the log
	source    pausable  // nil before the first read
}

// pausable is the part of a sarama.PartitionConsumer that a queue needs.
type pausable interface {
	Pause()
	Resume()
}

// queued is a chunk, when it happened, and about how much memory it takes.
type queued struct {
	batch.Chunk
	at    int64 // event time of its first record; what is no event comes first
	bytes int
}

const (
	chunkRecords = 250       // that a reader decodes before it hands them over
	chunkBytes   = 256 << 10 // likewise
	recordBytes  = 256       // of a record, beside its texts
)

func (c *queued) add(r batch.Record) {
	c.bytes += recordBytes
	if x := r.Rejection; x != nil {
		c.bytes += len(x.Detail) + len(x.Value)
	} else {
		e := &r.Event
		c.bytes += len(e.User) + len(e.Item) + len(e.ItemName) + len(e.OrderNumber) + len(e.Attributes)
		if len(c.Records) == 0 {
			c.at = e.OccurredAt
		}
	}
	c.Records = append(c.Records, r)
}

func (c *queued) full() bool { return len(c.Records) == chunkRecords || c.bytes >= chunkBytes }

func newQueue(budget int) *queue {
	return &queue{budget: budget, added: make(chan struct{}, 1), room: make(chan struct{})}
}

func (q *queue) add(p batch.Partition) *partitionQueue {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := &partitionQueue{queue: q, partition: p}
	q.partitions = append(q.partitions, l)
	return l
}

// put waits while the queue is full, unless it has nothing of the partition.
// behind is how many records the log has after the chunk.
func (l *partitionQueue) put(ctx context.Context, c queued, behind int64) error {
	for {
		room := l.tryPut(c, behind)
		if room == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-room:
		}
	}
}

// tryPut returns nil, or what is closed when there may be room.
func (l *partitionQueue) tryPut(c queued, behind int64) (room chan struct{}) {
	q := l.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes >= q.budget && len(l.chunks) > 0 {
		return q.room
	}
	l.chunks = append(l.chunks, c)
	l.bytes += c.bytes
	q.bytes += c.bytes
	l.reached, l.at, l.backlog = max(l.reached, c.at), time.Now(), behind
	q.throttle()
	select {
	case q.added <- struct{}{}:
	default:
	}
	return nil
}

// throttle keeps partitions with more than their share from being read on while
// others have hardly anything queued and much in their logs. Where all have
// enough, it is the full queue that makes readers wait: sarama takes 100 ms to
// notice that a partition is read on.
func (q *queue) throttle() {
	share := q.budget / len(q.partitions)
	starving := func(l *partitionQueue) bool { return l.bytes < share/4 && l.backlog > chunkRecords }
	ahead := q.bytes > q.budget/2 && slices.ContainsFunc(q.partitions, starving)
	for _, l := range q.partitions {
		switch {
		case l.source == nil:
		case ahead && l.bytes > share:
			l.source.Pause()
		default:
			l.source.Resume()
		}
	}
}

// read tells the lane where its chunks come from.
func (l *partitionQueue) read(from pausable) {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	l.source = from
}

// take returns the earliest chunk. It returns false when there is none, and,
// unless it must, when a partition is about to have an earlier one.
func (q *queue) take(force bool) (queued, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var first *partitionQueue
	for _, l := range q.partitions {
		if len(l.chunks) > 0 && (first == nil || l.chunks[0].at < first.chunks[0].at) {
			first = l
		}
	}
	if first == nil || (!force && q.bytes < q.budget/4 && first.chunks[0].at > q.expected()) {
		return queued{}, false
	}
	c := first.chunks[0]
	first.chunks = first.chunks[1:]
	first.bytes -= c.bytes
	q.bytes -= c.bytes
	q.throttle()
	close(q.room)
	q.room = make(chan struct{})
	return c, true
}

// expected is the earliest event time that a partition may be about to bring:
// one that has nothing queued, much in its log, and brought something lately.
func (q *queue) expected() int64 {
	earliest := int64(math.MaxInt64)
	for _, l := range q.partitions {
		if len(l.chunks) == 0 && l.backlog > chunkRecords && time.Since(l.at) < fullBatchLinger {
			earliest = min(earliest, l.reached)
		}
	}
	return earliest
}

// holds says whether something of the partition is queued.
func (q *queue) holds(p batch.Partition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.partitions, func(l *partitionQueue) bool { return l.partition == p && len(l.chunks) > 0 })
}

// empty says whether nothing is queued.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes == 0
}

// backlog is how many records the logs have that were not read yet.
func (q *queue) backlog() (records int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.partitions {
		records += l.backlog
	}
	return records
}
