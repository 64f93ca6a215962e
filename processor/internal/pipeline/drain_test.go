package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

func TestDrainFailsBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(40)
	c.openTransaction(message("a", "not JSON yet"))
	c.produce(40)
	s := c.drain()
	s.DrainTimeout = 100 * time.Millisecond
	totals, err := Run(t.Context(), s)
	var held *kafka.HeldError
	if !errors.As(err, &held) || len(held.Partitions) != 1 {
		t.Fatalf("got %v, want one partition that is held up", err)
	}
	p := held.Partitions[0]
	if want := fmt.Sprintf("%s/%d from offset %d (", p.Topic, p.Partition, p.Offset); !strings.Contains(err.Error(),
		want) || p.Topic != purchase.Topic {
		t.Errorf("error %q does not say %q", err, want)
	}
	if totals.Events < 40 || totals.Events >= 80 || totals.DeadLetters != 0 {
		t.Errorf("totals %+v, want what stands before the transaction and in other partitions", totals)
	}
}

func TestDrainWaitsForAnOpenTransactionToEnd(t *testing.T) {
	t.Parallel()
	for name, commit := range map[string]bool{"committed": true, "aborted": false} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			writer := c.openTransaction(message("a", "not JSON"))
			c.produce(40)
			s := c.drain()
			s.DrainTimeout = patience
			health, done := new(Health), make(chan error, 1)
			s.Health = health
			var totals Totals
			go func() {
				var err error
				totals, err = Run(t.Context(), s)
				done <- err
			}()
			c.eventually("the transaction is seen", func() bool { return health.heldPartitions() == 1 })
			end, letters := writer.AbortTxn, int64(0)
			if commit {
				end, letters = writer.CommitTxn, 1
			}
			if err := errors.Join(end(), <-done); err != nil {
				t.Fatal(err)
			}
			if want := (Totals{Events: 40, DeadLetters: letters}); totals != want {
				t.Errorf("totals %+v, want %+v", totals, want)
			}
		})
	}
}

func (h *Health) heldPartitions() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.partitions {
		if p.held {
			n++
		}
	}
	return n
}

func TestReadiness(t *testing.T) {
	var h Health
	if got := h.Reasons(); len(got) != 1 {
		t.Errorf("before the start: %q", got)
	}
	h.sessionBegan()
	long := time.Now().Add(-time.Hour)
	h.pending(kafka.Pending{Topic: "in", Partition: 2, Offset: 7, HighWatermark: 9}, long)
	h.pending(kafka.Pending{Topic: "in", Partition: 1, Offset: 5, HighWatermark: 9, Open: true}, long)
	h.pending(kafka.Pending{Topic: "in", Partition: 0, Offset: 9, HighWatermark: 9}, long)
	got := strings.Join(h.Reasons(), "\n")
	if want := "in/1 has been at offset 5 for 1h0m0s: an open transaction of another producer begins there\n" +
		"in/2 has been at offset 7 for 1h0m0s: it is not processed"; got != want {
		t.Errorf("stalled: %s", got)
	}
	h.pending(kafka.Pending{Topic: "in", Partition: 1, Offset: 6, HighWatermark: 9}, time.Now())
	h.pending(kafka.Pending{Topic: "in", Partition: 2, Offset: 9, HighWatermark: 9}, time.Now())
	if got := h.Reasons(); len(got) != 0 {
		t.Errorf("moving: %q", got)
	}
	h.sessionFailed(context.DeadlineExceeded)
	if got := h.Reasons(); len(got) != 0 {
		t.Errorf("away for a moment: %q", got)
	}
	h.away = long
	h.sessionFailed(errors.New("no route"))
	if got := h.Reasons(); len(got) != 1 || !strings.Contains(got[0], "interrupted 1h0m0s ago: no route") {
		t.Errorf("away: %q", got)
	}
}
