package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

var processedAt = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)

// someLogs are two partitions of purchases, every tenth invalid, and what has
// to become of them: events in partitions of their own, letters in one.
func someLogs(t *testing.T) Logs {
	t.Helper()
	var l Logs
	next := map[partition]int64{}
	place := func(r *kgo.Record, topic string, n int32) *kgo.Record {
		p := partition{topic, n}
		r.Topic, r.Partition, r.Offset = topic, n, next[p]
		next[p]++
		return r
	}
	for i := range 60 {
		n := int32(i % 2)
		user := fmt.Sprintf("user-%d", i%4)
		value := fmt.Sprintf(`{"event_id":"e-%d","user":%q,"item":"tea","quantity":%d,"timestamp":"2026-01-02T03:04:05Z"}`, i,
			user, (i+1)%10)
		in := place(&kgo.Record{Key: []byte(user), Value: []byte(value)}, "purchases", n)
		l.Input = append(l.Input, in)
		if event, reason := judge(in, processedAt); reason == "" {
			l.Events = append(l.Events, place(eventRecord(t, event), "analytics", n))
		} else {
			l.Letters = append(l.Letters, place(letterRecord(in, reason), "dlq", 0))
		}
	}
	return l
}

func eventRecord(t *testing.T, event enriched.Event) *kgo.Record {
	t.Helper()
	value, err := event.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Key: []byte(event.User), Value: value}
}

func letterRecord(in *kgo.Record, reason purchase.Reason) *kgo.Record {
	letter := deadletter.Letter{Reason: reason, EventID: "x", Source: enriched.Source(position(in)), Key: in.Key,
		Value: in.Value}
	r := &kgo.Record{Key: in.Key, Value: in.Value, Timestamp: processedAt}
	for _, h := range letter.Message("dlq").Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(h.Key), Value: h.Value})
	}
	return r
}

func TestProcessedFindsDamage(t *testing.T) {
	if err := Processed(someLogs(t)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		damage func(*Logs)
		want   string
	}{
		"event lost":  {func(l *Logs) { l.Events = slices.Delete(l.Events, 7, 8) }, "is lost"},
		"letter lost": {func(l *Logs) { l.Letters = l.Letters[1:] }, "is lost"},
		"event doubled": {func(l *Logs) { l.Events = append(l.Events, moved(l.Events[50], 0, 99)) },
			"has two results"},
		"letter doubled": {func(l *Logs) { l.Letters = append(l.Letters, moved(l.Letters[5], 0, 99)) },
			"has two results"},
		"events swapped":       {func(l *Logs) { swapOffsets(l.Events, 10, 14) }, "stands behind"},
		"letters swapped":      {func(l *Logs) { swapOffsets(l.Letters, 0, 2) }, "stands behind"},
		"event elsewhere":      {func(l *Logs) { l.Events[53] = moved(l.Events[53], 7, 0) }, "which partition"},
		"event out of nothing": {func(l *Logs) { l.Input = l.Input[:59] }, "not in the input"},
		"event changed":        {func(l *Logs) { replace(l.Events[3], `"item":"tea"`, `"item":"ale"`) }, "want"},
		"key changed":          {func(l *Logs) { l.Events[3].Key = []byte("nobody") }, "want"},
		"event unreadable":     {func(l *Logs) { l.Events[3].Value = []byte("{") }, "decode"},
		"event of an invalid": {func(l *Logs) { replace(l.Input[0], `"item":"tea"`, `"item":""`) },
			"is invalid: missing_item"},
		"letter of a valid":    {func(l *Logs) { replace(l.Input[9], `"quantity":0`, `"quantity":1`) }, `it is ""`},
		"letter changed":       {func(l *Logs) { l.Letters[2].Value = nil }, "does not hold"},
		"letter without place": {func(l *Logs) { l.Letters[2].Headers = nil }, deadletter.HeaderPartition},
	} {
		l := someLogs(t)
		test.damage(&l)
		if err := Processed(l); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// moved is a copy of the record in another place.
func moved(r *kgo.Record, partition int32, offset int64) *kgo.Record {
	copied := *r
	copied.Partition, copied.Offset = partition, offset
	return &copied
}

func swapOffsets(records []*kgo.Record, a, b int) {
	records[a].Offset, records[b].Offset = records[b].Offset, records[a].Offset
	records[a], records[b] = records[b], records[a]
}

func replace(r *kgo.Record, old, new string) {
	r.Value = []byte(strings.Replace(string(r.Value), old, new, 1))
}

func TestSameFindsDamage(t *testing.T) {
	events := someLogs(t).Events
	if err := Same(events, someLogs(t).Events); err != nil {
		t.Fatal(err)
	}
	changed := moved(events[4], events[4].Partition, events[4].Offset)
	changed.Value = []byte("aborted")
	for name, live := range map[string][]*kgo.Record{
		"nothing read":   nil,
		"last not read":  events[:len(events)-1],
		"one not read":   slices.Delete(slices.Clone(events), 5, 6),
		"one read twice": slices.Insert(slices.Clone(events), 5, events[5]),
		"one too many":   append(slices.Clone(events), moved(events[0], 0, 99)),
		"another value":  slices.Replace(slices.Clone(events), 4, 5, changed),
		"another order":  slices.Replace(slices.Clone(events), 4, 7, events[6], events[5], events[4]),
		"now empty":      append(slices.Clone(events), moved(events[0], 5, 0)),
	} {
		if err := Same(live, events); err == nil {
			t.Errorf("%s: no difference is found", name)
		}
	}
}

func TestInputFindsDamage(t *testing.T) {
	records := someLogs(t).Input
	batch := func(from, to, runs int) Batch {
		b := Batch{Runs: runs}
		for _, r := range records[from:to] {
			b.Values = append(b.Values, r.Value)
		}
		return b
	}
	whole := []Batch{batch(0, 30, 1), batch(30, 60, 2)}
	again := append(slices.Clone(records), records[30:40]...) // the interrupted run came first
	for name, good := range map[string][]*kgo.Record{"once": records, "interrupted": again} {
		if err := Input(good, whole); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string][]*kgo.Record{
		"lost":           records[1:],
		"doubled":        append(slices.Clone(records), records[3]),
		"out of order":   slices.Replace(slices.Clone(records), 4, 7, records[6], records[5], records[4]),
		"never sent":     append(slices.Clone(records), &kgo.Record{Value: []byte("x")}),
		"too many times": append(slices.Clone(again), records[30:40]...),
	} {
		if err := Input(bad, whole); err == nil {
			t.Errorf("%s: no difference is found", name)
		}
	}
}
