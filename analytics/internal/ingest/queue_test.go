package ingest

import (
	"context"
	"testing"

	"purchases/analytics/internal/batch"
)

// source notes what it is told.
type source struct{ paused bool }

func (s *source) Pause()  { s.paused = true }
func (s *source) Resume() { s.paused = false }

// at makes a chunk of one event, of so many bytes.
func at(time int64, bytes int) queued {
	return queued{Chunk: batch.Chunk{Next: time}, at: time, bytes: bytes}
}

func put(t *testing.T, l *partitionQueue, c queued, behind int64) {
	t.Helper()
	if room := l.tryPut(c, behind); room != nil {
		t.Fatalf("no room for a chunk of time %d", c.at)
	}
}

func wantTaken(t *testing.T, q *queue, must bool, times ...int64) {
	t.Helper()
	for _, want := range times {
		if c, ok := q.take(must); !ok || c.at != want {
			t.Fatalf("took time %d, %t, want %d", c.at, ok, want)
		}
	}
	if c, ok := q.take(must); ok {
		t.Fatalf("took time %d, want none", c.at)
	}
}

func TestQueueGivesOutWhatHappenedEarliest(t *testing.T) {
	q := newQueue(queueBytes)
	a, b, c := q.add(batch.Partition{}), q.add(batch.Partition{}), q.add(batch.Partition{})
	for _, time := range []int64{1, 4, 5} {
		put(t, a, at(time, 1), 0)
	}
	put(t, b, at(3, 1), 0)
	put(t, b, at(2, 1), 0) // late: its partition's order stays
	put(t, c, at(6, 1), 0)
	wantTaken(t, q, false, 1, 3, 2, 4, 5, 6)
}

func TestQueueExpectsPartitionsThatAreBehind(t *testing.T) {
	q := newQueue(queueBytes)
	a, b, c := q.add(batch.Partition{}), q.add(batch.Partition{}), q.add(batch.Partition{})
	put(t, a, at(1, 1), 10_000)
	put(t, b, at(2, 1), 0)
	put(t, c, at(2, 1), 10_000)
	put(t, b, at(9, 1), 0)
	wantTaken(t, q, false, 1) // and now a may have something that is earlier than 2
	put(t, a, at(5, 1), 10_000)
	wantTaken(t, q, false, 2, 2) // and now c may
	wantTaken(t, q, true, 5, 9)
	b.at = b.at.Add(-fullBatchLinger)
	put(t, c, at(7, 1), 10_000)
	a.at, c.at = a.at.Add(-fullBatchLinger), c.at.Add(-fullBatchLinger)
	wantTaken(t, q, false, 7) // a partition that has brought nothing for long is not waited for
}

func TestFullQueueMakesReadersWait(t *testing.T) {
	q := newQueue(queueBytes)
	a, b := q.add(batch.Partition{}), q.add(batch.Partition{})
	put(t, a, at(1, queueBytes), 0)
	put(t, b, at(2, 1), 0) // it has nothing queued
	room := b.tryPut(at(3, 1), 0)
	if room == nil {
		t.Fatal("a full queue takes more")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.put(ctx, at(3, 1), 0); err == nil {
		t.Error("a reader that was stopped does not stop waiting")
	}
	done := make(chan error)
	go func() { done <- b.put(t.Context(), at(3, 1), 0) }()
	wantTakenOne(t, q, 1)
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-room
	wantTaken(t, q, false, 2, 3)
	if !q.empty() {
		t.Error("the queue is not empty")
	}
}

func wantTakenOne(t *testing.T, q *queue, want int64) {
	t.Helper()
	if c, ok := q.take(false); !ok || c.at != want {
		t.Fatalf("took time %d, %t, want %d", c.at, ok, want)
	}
}

func TestPartitionThatIsAheadIsPaused(t *testing.T) {
	q := newQueue(queueBytes)
	ahead, behind := q.add(batch.Partition{}), q.add(batch.Partition{})
	fast, slow := &source{}, &source{}
	ahead.read(fast)
	behind.read(slow)
	put(t, behind, at(1, queueBytes/20), 10_000)
	put(t, ahead, at(8, queueBytes*2/5), 10_000)
	if fast.paused || slow.paused {
		t.Error("paused below half of the budget")
	}
	put(t, ahead, at(9, queueBytes/5), 10_000)
	if !fast.paused || slow.paused {
		t.Errorf("paused: the one with 3/5 of the budget %t, with 1/20 %t", fast.paused, slow.paused)
	}
	put(t, behind, at(2, queueBytes/5), 10_000)
	if fast.paused {
		t.Error("paused although the other has enough")
	}
	wantTakenOne(t, q, 1)
	wantTakenOne(t, q, 2)
	if !fast.paused {
		t.Error("not paused although the other has nothing")
	}
	wantTakenOne(t, q, 8)
	if fast.paused {
		t.Error("does not go on")
	}
}
