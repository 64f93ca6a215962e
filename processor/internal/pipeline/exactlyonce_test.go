package pipeline

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/processor/internal/transaction"
)

func TestFaultsLoseAndDoubleNothing(t *testing.T) {
	// The processor's own produce requests. A loss of membership makes it open
	// its producers and read its offsets again.
	ours := func(r kmsg.Request) bool { return r.(*kmsg.ProduceRequest).TransactionID != nil }
	opensOurs := func(r kmsg.Request) bool { return r.(*kmsg.InitProducerIDRequest).TransactionalID != nil }
	for name, fault := range map[string]kfake.Fault{
		"commit answered late": {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.RequestTimedOut,
			Count: 3},
		"commit refused for a while": {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ConcurrentTransactions,
			Count: 60},
		"commit at another coordinator": {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.NotCoordinator, Count: 2},
		"commit fails": {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidTxnState,
			Count: 3},
		"commit fenced":         {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ProducerFenced, Count: 2},
		"produce answered late": {Keys: []kmsg.Key{kmsg.Produce}, When: ours, Err: kerr.RequestTimedOut, Count: 3},
		"produce refused": {Keys: []kmsg.Key{kmsg.Produce}, When: ours, Err: kerr.NotLeaderForPartition,
			Count: 5},
		"produce fails": {Keys: []kmsg.Key{kmsg.Produce}, When: ours, Err: kerr.UnknownServerError,
			Count: 2},
		"partitions refused for a while": {Keys: []kmsg.Key{kmsg.AddPartitionsToTxn}, Err: kerr.ConcurrentTransactions,
			Count: 5},
		"offsets fail": {Keys: []kmsg.Key{kmsg.AddOffsetsToTxn}, TopLevel: true, Err: kerr.UnknownServerError,
			Count: 2},
		"offset commit fails":         {Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID, Count: 2},
		"offset commit answered late": {Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.RequestTimedOut, Count: 2},
		"open fails": {Keys: []kmsg.Key{kmsg.InitProducerID}, When: opensOurs, TopLevel: true,
			Err: kerr.UnknownServerError, Count: 3},
		"offsets cannot be read": {Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: 2},
		"rebalance":              {Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.RebalanceInProgress, Count: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			s := c.run()
			s.BatchSize = 10
			start(t, s)
			c.produce(100)
			c.waitFor(1)
			handle := c.Fault(fault)
			c.Fault(forgotten)
			c.produce(400)
			c.waitFor(500)
			c.eventually("the fault happens", func() bool { return handle.Hits() > 0 })
			c.produce(100)
			c.waitFor(600)
			c.checkExactlyOnce()
		})
	}
}

// A commit whose answer never comes is sent again on a new connection.
func TestConnectionLostDuringCommit(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	lines := &logLines{}
	s := c.run()
	s.Log = lines.logger()
	start(t, s)
	c.produce(100)
	c.waitFor(100)
	c.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("the connection breaks"), true
	})
	c.produce(200)
	c.waitFor(300)
	c.checkExactlyOnce()
	if lines.count("had to be sent again") != 1 {
		t.Errorf("the repeated commit is not in the log:\n%v", lines.lines)
	}
}

func TestCommitIsDelayed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, kfake.SleepOutOfOrder())
	start(t, c.run())
	c.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { time.Sleep(300 * time.Millisecond) })
		return nil, nil, false
	})
	c.produce(300)
	c.waitFor(300)
	c.checkExactlyOnce()
}

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.run()
	s.BatchSize = 10
	first := s
	first.Instance = "first"
	stopFirst := start(t, first)
	c.produce(300)
	c.waitFor(50)
	second := s
	second.Instance = "second"
	stopSecond := start(t, second)
	c.produce(300)
	if _, err := c.WaitGroupStable(t.Context(), group, 2); err != nil {
		t.Fatal(err)
	}
	c.produce(300)
	c.waitFor(700)
	if err := stopFirst(); err != nil {
		t.Error(err)
	}
	c.produce(300)
	c.waitFor(1200)
	if err := stopSecond(); err != nil {
		t.Error(err)
	}
	c.checkExactlyOnce()
	if info := c.GroupInfo(group); len(info.Members) != 0 {
		t.Errorf("members that have stopped are still in the group: %+v", info.Members)
	}
}

func TestTwoProcessorsWithOneInstance(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.run()
	s.Instance = "the-same"
	ended := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), s)
		ended <- err
	}()
	c.produce(100)
	c.waitFor(100)
	start(t, s)
	select {
	case err := <-ended:
		if !errors.Is(err, sarama.ErrFencedInstancedId) {
			t.Errorf("got %v, want that the instance is fenced", err)
		}
	case <-time.After(patience):
		t.Fatal("the first processor continues")
	}
	c.produce(100)
	c.waitFor(200)
	c.checkExactlyOnce()
}

func TestProducerFencedByAnother(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	lines := &logLines{}
	s := c.run()
	s.Log = lines.logger()
	start(t, s)
	c.produce(100)
	c.waitFor(100)
	id := (&session{pipeline: &pipeline{Settings: s}}).transactionalID(2)
	other, err := transaction.Open(t.Context(), c.settings, id)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c.produce(200)
	c.waitFor(300)
	c.checkExactlyOnce()
	if lines.count("lost a partition") != 1 {
		t.Errorf("fencing is not logged once:\n%v", lines.lines)
	}
}

func TestStoppedAndStartedAtRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := newCluster(t)
	s := c.run()
	s.Linger, s.BatchSize = time.Millisecond, 20
	for range 12 {
		c.produce(150)
		stop := start(t, s)
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the moment of the stop is what varies
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	c.mustDrain()
	c.checkExactlyOnce()
}
