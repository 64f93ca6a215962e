package terminal_test

import (
	"bytes"
	"testing"
	"time"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/lag"
	"purchases/analytics/internal/render"
	"purchases/analytics/internal/terminal"
)

func TestStatus(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	at := func(ago time.Duration) *int64 { ms := now.Add(-ago).UnixMilli(); return &ms }
	partition := func(topic string, n int32) batch.Partition { return batch.Partition{Topic: topic, Partition: n} }
	list := []lag.Position{
		{Partition: partition("analytics", 0), NextOffset: 100, StoredAt: at(3 * time.Second)},
		{Partition: partition("analytics", 1), NextOffset: 40, StoredAt: at(time.Hour)},
		{Partition: partition("purchases.dlq", 0), NextOffset: 0},
	}
	ends := lag.Ends{
		partition("analytics", 0): {LastRecord: 99, HighWatermark: 101},
		partition("analytics", 1): {LastRecord: 44, HighWatermark: 45},
	}
	backlog := &lag.Backlog{Input: lag.Input{Topic: "purchases"}, Partitions: 8, Lag: 12}
	if got, want := table(t, terminal.Topics(list, ends, backlog,
		now)), "topic          partitions  lag  last_event  stored\n"+
		"purchases               8   12\n"+
		"analytics               2    5              3 s ago\npurchases.dlq           1\n"; got != want {
		t.Errorf("topics:\n%s\nwant\n%s", got, want)
	}
	list[2].Missing = 7
	if got, want := table(t, terminal.PartitionAges(list, ends,
		now)), "topic          partition  next_offset  high_watermark  lag  last_event  stored      missing\n"+
		"analytics              0          100             101    0              3 s ago           0\n"+
		"analytics              1           40              45    5              60 min ago        0\n"+
		"purchases.dlq          0            0                                                     7\n"; got != want {
		t.Errorf("partitions:\n%s\nwant\n%s", got, want)
	}
	if !terminal.OnlyMarkersFollow(list, ends) || terminal.OnlyMarkersFollow(list[1:], ends) {
		t.Error("a marker is told from a record")
	}
}

func table(t *testing.T, a render.Answer) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := render.Write(&out, render.Table, a, render.Options{}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
