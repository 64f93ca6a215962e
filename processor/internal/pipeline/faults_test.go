package pipeline

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/processor/internal/transaction"
	"purchases/producer/purchase"
	"purchases/producer/testkit/lossy"
)

// underTest names the processor where faults must not meet the test's own
// requests.
const underTest = "processor-under-test"

func (c *cluster) runUnderTest() Settings {
	s := c.run()
	s.Kafka.ClientID = underTest
	s.BatchSize = 10
	return s
}

// forgotten is a loss of membership.
var forgotten = kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID, Count: 1}

// The broker does what it is asked, and the answer gets lost.
func TestAppliedRequestsWhoseAnswerIsLost(t *testing.T) {
	for _, key := range []kmsg.Key{
		kmsg.Produce, kmsg.EndTxn, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.InitProducerID,
		kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch, kmsg.Fetch, kmsg.FindCoordinator,
	} {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			var listener *lossy.Listener
			c := newCluster(t, kfake.ListenFn(func(network, address string) (_ net.Listener, err error) {
				listener, err = lossy.Listen(network, address)
				return listener, err
			}))
			start(t, c.runUnderTest())
			c.produce(100)
			c.waitFor(100)
			listener.Lose(underTest, key.Int16(), 3)
			for round := range 3 {
				c.Fault(forgotten) // so that the group is joined and its producers are opened again
				c.produce(200)
				c.waitFor(100 + 200*(round+1))
			}
			c.eventually("answers get lost", func() bool { return listener.Lost() > 0 })
			c.produce(100)
			c.waitFor(800)
			c.checkExactlyOnce()
		})
	}
}

// older processes 300 purchases, and returns the offsets that were committed
// after 100.
func (c *cluster) older() (lines *logLines, offsets map[int32]kfake.GroupCommit) {
	c.t.Helper()
	lines = &logLines{}
	s := c.run()
	s.Log = lines.logger()
	start(c.t, s)
	c.produce(100)
	c.waitFor(100)
	offsets = c.GroupInfo(group).Commits[purchase.Topic]
	c.produce(200)
	c.waitFor(300)
	return lines, offsets
}

// A coordinator that has been deposed and does not know it yet gives the new
// session an offset that was committed long ago.
func TestStaleOffsetIsRead(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	lines, old := c.older()
	answered := 0
	c.ControlKey(kmsg.OffsetFetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		request := r.(*kmsg.OffsetFetchRequest)
		if !request.RequireStable || answered == partitions { // of a session's start each asks for one partition
			return nil, nil, false
		}
		answered++
		return staleOffset(request, old), nil, true
	})
	c.Fault(forgotten)
	c.eventually("the stale offset is noticed",
		func() bool { return lines.count("the committed offset is not the one") > 0 })
	c.produce(100)
	c.waitFor(400)
	c.checkExactlyOnce()
}

// The coordinator has lost offsets for good whose results are committed: until
// the processor commits the next one, an older one is all that it knows.
func TestOffsetIsLost(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	lines, old := c.older()
	c.loseOffsets(old)
	c.Fault(forgotten)
	c.eventually("the loss is noticed", func() bool { return lines.count("offset was lost") > 0 })
	c.produce(100)
	c.waitFor(400)
	c.checkExactlyOnce()
}

// loseOffsets answers with the old offset of a partition until a transaction
// that commits another has ended.
func (c *cluster) loseOffsets(old map[int32]kfake.GroupCommit) {
	var mu sync.Mutex
	ends := map[int32]bool{} // a partition is false while its transaction continues
	c.ControlKey(kmsg.TxnOffsetCommit.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		partition := r.(*kmsg.TxnOffsetCommitRequest).Topics[0].Partitions[0].Partition
		if _, begun := ends[partition]; !begun {
			ends[partition] = false
		}
		return nil, nil, false
	})
	c.ControlKey(kmsg.OffsetFetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		request := r.(*kmsg.OffsetFetchRequest)
		if len(request.Topics[0].Partitions) > 1 {
			return nil, nil, false
		}
		partition := request.Topics[0].Partitions[0]
		ended, begun := ends[partition]
		if begun {
			ends[partition] = true
		}
		if ended {
			return nil, nil, false
		}
		return staleOffset(request, old), nil, true
	})
}

func staleOffset(request *kmsg.OffsetFetchRequest, old map[int32]kfake.GroupCommit) kmsg.Response {
	response := request.ResponseKind().(*kmsg.OffsetFetchResponse)
	topic := kmsg.NewOffsetFetchResponseTopic()
	topic.Topic = request.Topics[0].Topic
	partition := kmsg.NewOffsetFetchResponseTopicPartition()
	partition.Partition = request.Topics[0].Partitions[0]
	partition.Offset = old[partition.Partition].Offset
	topic.Partitions = append(topic.Partitions, partition)
	response.Topics = append(response.Topics, topic)
	return response
}

func TestLeadersMove(t *testing.T) {
	t.Parallel()
	const nodes = 3
	c := newCluster(t, kfake.NumBrokers(nodes))
	start(t, c.runUnderTest())
	for round := range 6 {
		c.produce(150)
		for _, topic := range []string{purchase.Topic, enriched.Topic, deadletter.Topic} {
			for p := range int32(partitions) {
				if err := c.MoveTopicPartition(topic, p, (c.LeaderFor(topic, p)+1)%nodes); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.produce(150)
		c.waitFor(300*round + 50)
	}
	c.waitFor(1800)
	c.checkExactlyOnce()
}

func TestCoordinatorsMove(t *testing.T) {
	t.Parallel()
	const nodes = 3
	c := newCluster(t, kfake.NumBrokers(nodes))
	start(t, c.runUnderTest())
	moved := 0
	for round := range 6 {
		c.produce(150)
		before := c.CoordinatorFor(group)
		c.RehashCoordinators()
		if c.CoordinatorFor(group) != before {
			moved++
		}
		c.produce(150)
		c.waitFor(300*round + 50)
	}
	c.waitFor(1800)
	c.checkExactlyOnce()
	t.Logf("the group's coordinator moved %d times", moved)
}

// The broker takes a commit and says nothing more, on a connection that stays
// open: sarama waits, and the watchdog ends that.
func TestCommitIsNeverAnswered(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	lines := &logLines{}
	s := c.runUnderTest()
	s.Log = lines.logger()
	start(t, s)
	c.produce(100)
	c.waitFor(100)
	c.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, nil, true })
	c.produce(200)
	begun := time.Now()
	c.waitFor(300)
	if took := time.Since(begun); took < transaction.Timeout/2 || took > 3*transaction.Timeout {
		t.Errorf("work went on after %s, want about %s", took, transaction.Timeout)
	}
	// Where this process notices after the broker has ended the transaction, it is fenced.
	if n := lines.count("interrupted; retrying") + lines.count("lost a partition"); n != 1 {
		t.Errorf("the interruption is logged %d times:\n%v", n, lines.lines)
	}
	c.checkExactlyOnce()
}

// Copies of a commit that the broker held back arrive after the processor has
// given up waiting: they must not end a later transaction.
func TestDelayedCommitComesAfterItsTimeout(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.SleepOutOfOrder())
	start(t, c.runUnderTest())
	c.produce(100)
	c.waitFor(100)
	late := make(chan struct{})
	var held atomic.Bool
	c.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if held.CompareAndSwap(false, true) {
			c.SleepControl(func() { <-late })
		}
		return nil, nil, false
	})
	c.produce(400)
	c.waitFor(500)
	close(late)
	c.produce(300)
	c.waitFor(800)
	c.checkExactlyOnce()
}

func TestDrainWithSeveralMembers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.produce(2000)
	const members = 3
	var wg sync.WaitGroup
	totals, errs := make([]Totals, members), make([]error, members)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range members {
		s := c.drain()
		s.Instance, s.BatchSize = fmt.Sprint("member-", i), 10
		wg.Go(func() { totals[i], errs[i] = Run(ctx, s) })
	}
	wg.Wait()
	var events int64
	for i := range members {
		events += totals[i].Events
		if errs[i] != nil {
			t.Errorf("member %d: %v", i, errs[i])
		}
	}
	// A member counts what it knows to be committed; what it does not know,
	// because it lost the partition in that moment, nobody counts.
	if events > 2000 {
		t.Errorf("the members say that they committed %d events, of 2000", events)
	}
	c.checkExactlyOnce()
}

func TestProcessesWhatNewPartitionsHold(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	start(t, c.run())
	c.produce(100)
	c.waitFor(100)
	admin, err := sarama.NewClusterAdmin(c.settings.Bootstrap, c.settings.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.CreatePartitions(purchase.Topic, partitions+1, nil, false); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := c.client.RefreshMetadata(purchase.Topic); err != nil {
		t.Fatal(err)
	}
	c.produce(200)
	if c.PartitionInfo(purchase.Topic, partitions).HighWatermark == 0 {
		t.Fatal("nothing was produced to the new partition")
	}
	c.waitFor(300)
	if took := time.Since(begun); took > 12*time.Second {
		t.Errorf("it took %s to find the new partition", took)
	}
	c.checkEachOnce() // the users' partitions have changed, and with them the order
}
