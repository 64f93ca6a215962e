package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/processor/deadletter"
	"purchases/producer/purchase"
)

// expire deletes the partition's records up to the offset.
func (c *cluster) expire(partition int32, upTo int64) {
	c.t.Helper()
	if err := c.DeleteRecords(purchase.Topic, partition, upTo); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) end(partition int32) int64 {
	return c.PartitionInfo(purchase.Topic, partition).HighWatermark
}

// gaps are what the dead letters record, in the order of their places.
func (c *cluster) gaps() (list []Gap) {
	c.t.Helper()
	for _, m := range c.read(deadletter.Topic) {
		l, err := deadletter.Parse(m)
		if err != nil || l.Reason != deadletter.Expired || l.Source.Topic != purchase.Topic {
			c.t.Errorf("letter %+v, %v", l, err)
		}
		list = append(list, Gap{l.Source.Partition, l.Source.Offset, l.Source.Offset + l.Offsets - 1})
	}
	return list
}

// refused drains, which must fail because of the gaps and record none.
func (c *cluster) refused(want ...Gap) {
	c.t.Helper()
	_, err := Run(c.t.Context(), c.drain())
	var expired *ExpiredError
	if !errors.As(err, &expired) || fmt.Sprint(expired.Gaps) != fmt.Sprint(want) {
		c.t.Fatalf("got %v, want the gaps %v", err, want)
	}
	if strings.Contains(err.Error(), "\n") {
		c.t.Errorf("more than one line: %v", err)
	}
	for _, g := range want {
		text := fmt.Sprintf("purchases/%d: offsets %d to %d (%d)", g.Partition, g.From, g.To, g.To-g.From+1)
		if !strings.Contains(err.Error(), text) {
			c.t.Errorf("error %q does not say %q", err, text)
		}
	}
	if got := c.gaps(); len(got) > 0 {
		c.t.Errorf("refused gaps are recorded: %v", got)
	}
}

// accepted drains, after which so many events and exactly these gaps are there.
func (c *cluster) accepted(events int64, want ...Gap) {
	c.t.Helper()
	s := c.drain()
	s.AcceptGaps = true
	if totals, err := Run(c.t.Context(), s); err != nil || totals.Events != events {
		c.t.Errorf("totals %+v, %v, want %d events", totals, err, events)
	}
	if got := c.gaps(); fmt.Sprint(got) != fmt.Sprint(want) {
		c.t.Errorf("got the gaps %v, want %v", got, want)
	}
}

func TestNewGroupOnAnExpiredLog(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(200)
	gone := c.end(1) - 1
	c.expire(1, gone)
	gap := Gap{1, 0, gone - 1}
	c.refused(gap)
	c.accepted(200-gone, gap)
	c.accepted(0, gap)
	if totals := c.mustDrain(); totals != (Totals{}) {
		t.Errorf("an accepted gap is found again: %+v", totals)
	}
}

func TestNewGroupOnALogWithoutRecords(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(200)
	var all []Gap
	for partition := range int32(partitions) {
		end := c.end(partition)
		c.expire(partition, end)
		all = append(all, Gap{partition, 0, end - 1})
	}
	c.refused(all...)
	s := c.drain()
	s.AcceptGaps = true
	if totals, err := Run(t.Context(), s); err != nil || totals != (Totals{DeadLetters: partitions}) {
		t.Errorf("totals %+v, %v", totals, err)
	}
	found := map[Gap]bool{}
	for _, g := range c.gaps() {
		found[g] = true
	}
	for _, g := range all {
		if !found[g] {
			t.Errorf("the gap %v is not recorded", g)
		}
	}
}

func TestExpiredUnderTheCommittedOffset(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(200)
	c.mustDrain()
	committed := c.end(1)
	c.produce(200)
	gone := c.end(1) - 1
	c.expire(1, gone)
	gap := Gap{1, committed, gone - 1}
	c.refused(gap)
	c.accepted(200-(gone-committed), gap)
}

// Records that were processed before they expired are no gap.
func TestExpiredAfterTheyWereProcessed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(200)
	c.mustDrain()
	c.expire(1, c.end(1))
	c.produce(50)
	c.accepted(50)
}

// Retention overtakes a processor that cannot commit.
func TestRetentionThatOvertakesARun(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	registry := prometheus.NewRegistry()
	s := c.run()
	s.AcceptGaps, s.Metrics = true, NewMetrics(registry)
	c.produce(100)
	start(t, s)
	c.waitFor(100)
	committed := c.end(1)
	handle := c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidTxnState, Count: -1,
		When: func(r kmsg.Request) bool { return strings.HasSuffix(r.(*kmsg.EndTxnRequest).TransactionalID, "-1") },
	})
	c.produce(100)
	c.eventually("commits fail", func() bool { return handle.Hits() > 0 })
	gone := c.end(1)
	c.expire(1, gone)
	before := handle.Hits()
	// A session may have read the records before they expired. The one after the next failure has not.
	c.eventually("commits fail again", func() bool { return handle.Hits() > before+1 })
	handle.Remove()
	c.eventually("the gap is recorded", func() bool { return len(c.gaps()) == 1 })
	if got, want := c.gaps()[0], (Gap{1, committed, gone - 1}); got != want {
		t.Errorf("got the gap %v, want %v", got, want)
	}
	c.waitFor(int(200 - (gone - committed)))
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	want := fmt.Sprintf("# HELP processor_expired_offsets_total Offsets that expired before they were processed, and "+
		"are recorded as gaps.\n"+
		"# TYPE processor_expired_offsets_total counter\nprocessor_expired_offsets_total %d\n", gone-committed)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "processor_expired_offsets_total"); err != nil {
		t.Error(err)
	}
}

// The letter and the offset come together, whatever happens to the transaction.
func TestGapIsRecordedOnceDespiteFaults(t *testing.T) {
	ours := func(r kmsg.Request) bool { return r.(*kmsg.ProduceRequest).TransactionID != nil }
	for name, fault := range map[string]kfake.Fault{
		"letter refused":              {Keys: []kmsg.Key{kmsg.Produce}, When: ours, Err: kerr.UnknownServerError, Count: 1},
		"offset refused":              {Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID, Count: 1},
		"commit refused":              {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidTxnState, Count: 1},
		"commit fenced":               {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ProducerFenced, Count: 1},
		"commit at no coordinator":    {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.NotCoordinator, Count: 2},
		"committed offset not stable": {Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.produce(200)
			gone := c.end(1) - 1
			c.expire(1, gone)
			handle := c.Fault(fault)
			c.accepted(200-gone, Gap{1, 0, gone - 1})
			if handle.Hits() == 0 {
				t.Error("the fault did not happen")
			}
		})
	}
}

// The broker commits, and the answer is lost.
func TestGapIsRecordedOnceWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(200)
	gone := c.end(1) - 1
	c.expire(1, gone)
	c.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("the connection breaks"), true
	})
	c.accepted(200-gone, Gap{1, 0, gone - 1})
}

func TestTransactionMarkersAreNoGap(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for range 3 {
		c.transaction(false, message("a", "never seen"))
		c.transaction(true, message("a", `{"user":"u","item":"tea","timestamp":"2026-01-02T03:04:05Z"}`))
	}
	c.produce(10)
	c.accepted(13)
}
