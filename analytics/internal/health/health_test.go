package health_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/health"
	"purchases/analytics/internal/lag"
	"purchases/producer/kafka"
)

var partition = batch.Partition{Topic: "analytics", Partition: 3}

// stands is a view of a partition that has stood still for so long.
func stands(since time.Duration, open *kafka.OpenTransaction) func() lag.View {
	at := lag.Position{Partition: partition, NextOffset: 5}
	v := lag.View{Reachable: true, Since: time.Now(),
		Still: []lag.Standstill{{Position: at, Since: time.Now().Add(-since), Open: open}}}
	return func() lag.View { return v }
}

func want(t *testing.T, h *health.Health, reasons ...string) {
	t.Helper()
	if got := h.Reasons(); !slices.Equal(got, reasons) {
		t.Errorf("not ready because of %q, want %q", got, reasons)
	}
}

func TestReady(t *testing.T) {
	want(t, &health.Health{})
	want(t, &health.Health{
		Kafka: stands(59*time.Second, nil), Readable: func() error { return nil }, Room: func() error { return nil },
	})
}

func TestKafkaIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var view lag.View
		h := &health.Health{Kafka: func() lag.View { return view }}
		want(t, h, "Kafka has not answered yet")
		view.Since = time.Now()
		time.Sleep(59 * time.Second)
		want(t, h)
		time.Sleep(time.Second)
		want(t, h, "Kafka has not answered since "+view.Since.Format(time.RFC3339))
		if !h.Alive() {
			t.Error("a restart does not bring Kafka back")
		}
	})
}

func TestPartitionStandsStill(t *testing.T) {
	h := &health.Health{Kafka: stands(time.Minute, nil)}
	const stalled = "analytics/3 has been at offset 5 for 1m0s: its records are not stored"
	want(t, h, stalled)
	h.Begin(func(p batch.Partition) bool { return p == partition })
	want(t, h, stalled) // nothing is stored at all
	h.Stored()
	want(t, h) // earlier events of others are
	h.Begin(func(batch.Partition) bool { return false })
	want(t, h, stalled) // others are, but nothing of it is read
	h.Kafka = stands(time.Hour, &kafka.OpenTransaction{Offset: 6})
	want(t, h, "analytics/3 has been at offset 5 for 1h0m0s: an open transaction of another producer begins at offset 6")
}

// TestDiskIsFull wants one reason: that partitions do not move follows from it.
func TestDiskIsFull(t *testing.T) {
	h := &health.Health{Kafka: stands(time.Minute, nil)}
	h.Full(errors.New("database or disk is full"))
	want(t, h, "storing waits for room on the disk: database or disk is full")
	if !h.Alive() {
		t.Error("a restart makes no room")
	}
	h.Stored()
	h.Kafka = nil
	want(t, h)
	h.Room = func() error { return errors.New("1 MB are free") }
	want(t, h, "storing waits for room on the disk: 1 MB are free")
}

func TestDatabaseCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h := &health.Health{Readable: func() error { asked++; return errors.New("no database at a.db") }}
		for range 100 {
			want(t, h, "the database cannot be read: no database at a.db")
		}
		if asked != 1 {
			t.Errorf("the database was looked at %d times at one moment", asked)
		}
		h.Readable = func() error { return nil }
		time.Sleep(time.Second)
		want(t, h)
	})
}

// TestAlive wants a process to be taken for one that hangs when something has
// waited for long, and nothing was stored.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &health.Health{}
		alive := func(want bool, after time.Duration, what string) {
			t.Helper()
			if time.Sleep(after); h.Alive() != want {
				t.Errorf("%s: alive %v, want %v", what, !want, want)
			}
		}
		alive(true, time.Hour, "nothing to do")
		h.Waiting()
		alive(true, 6*time.Minute, "slow")
		h.Waiting()
		alive(false, 6*time.Minute, "twelve minutes")
		h.Stored()
		alive(true, time.Hour, "stored, and nothing to do")
		h.Waiting()
		h.Full(errors.New("disk"))
		alive(true, time.Hour, "the disk is full")
		h.Waiting()
		h.Idle()
		alive(true, time.Hour, "idle")
		h.Waiting()
		h.Begin(nil)
		alive(true, time.Hour, "begun anew")
	})
}
