package lag

import (
	"testing"
	"testing/synctest"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/producer/kafka"
)

// TestStandstills wants the time kept at which a partition was seen first at an
// offset with lag, and forgotten when it moves, has no lag or Kafka is away.
func TestStandstills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := batch.Partition{Topic: "analytics"}, batch.Partition{Topic: "analytics", Partition: 1}
		open := &kafka.OpenTransaction{Offset: 7}
		ends := Ends{first: {LastRecord: 9, HighWatermark: 11}, second: {LastRecord: 5, HighWatermark: 11, Open: open}}
		m, began := &Monitor{}, time.Now()
		see := func(offsets ...int64) {
			positions := []Position{{Partition: first, NextOffset: offsets[0]}, {Partition: second, NextOffset: offsets[1]}}
			m.set(View{Reachable: true, Still: behind(positions, ends, time.Now())})
			time.Sleep(time.Minute)
		}
		see(3, 6)
		see(4, 6)
		see(4, 6)
		still := m.View().Still
		if len(still) != 2 || !still[0].Since.Equal(began.Add(time.Minute)) || !still[1].Since.Equal(began) {
			t.Errorf("%+v", still)
		}
		if still[0].Open != nil || still[1].Open != open {
			t.Errorf("open transactions %v, %v", still[0].Open, still[1].Open)
		}
		see(10, 11)
		if still := m.View().Still; len(still) != 0 {
			t.Errorf("without lag: %+v", still)
		}
		see(4, 6)
		m.set(View{})
		see(4, 6)
		if at := m.View().Still[0].Since; !at.Equal(began.Add(5 * time.Minute)) {
			t.Errorf("after an outage it stands still since %s", at)
		}
	})
}
