package transaction

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/producer/kafka"
)

const id = "group-in-0"

type broker struct {
	*kfake.Cluster
	t        *testing.T
	settings kafka.Settings
	client   sarama.Client
}

func newBroker(t *testing.T, options ...kfake.Opt) *broker {
	t.Helper()
	c, err := kfake.NewCluster(append(options, kfake.NumBrokers(1), kfake.SeedTopics(1, "in", "out"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := &broker{Cluster: c, t: t, settings: kafka.Settings{Bootstrap: c.ListenAddrs()}}
	if b.client, err = b.settings.Connect(t.Context(), b.settings.Config()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.client.Close() })
	return b
}

func (b *broker) open() *Producer {
	b.t.Helper()
	p, err := Open(b.t.Context(), b.settings, id)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(p.Close)
	return p
}

// visible is the offset of the last record that readers see.
func (b *broker) visible() int64 {
	b.t.Helper()
	last, err := kafka.LastRecord(b.client, "out", 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return last
}

// committed is the group's offset, -1 without one.
func (b *broker) committed() int64 {
	info := b.GroupInfo("group")
	if info == nil {
		return -1
	}
	if commit, ok := info.Commits["in"][0]; ok {
		return commit.Offset
	}
	return -1
}

func batch(n int) []*sarama.ProducerMessage {
	messages := make([]*sarama.ProducerMessage, n)
	for i := range messages {
		messages[i] = &sarama.ProducerMessage{Topic: "out", Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder("v")}
	}
	return messages
}

// offset is that of the first transaction of a group, and what a producer
// commits after that.
func offset(next int64) Offset {
	return Offset{Topic: "in", Previous: NoOffset, Next: next, Group: sarama.NewConsumerGroupMetadata("group")}
}

func TestPublishCommitsMessagesAndOffset(t *testing.T) {
	b := newBroker(t)
	p := b.open()
	for i := range int64(3) {
		if err := p.Publish(t.Context(), batch(10), offset(10*(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	if b.visible() != 31 || b.committed() != 30 { // two markers lie between
		t.Errorf("last visible record %d, committed offset %d", b.visible(), b.committed())
	}
}

// A process that dies at any step leaves all or nothing behind, as soon as the
// next one has opened.
func TestDeathAtEachStep(t *testing.T) {
	for _, step := range []string{"begin.before", "begin.after", "offsets.before", "offsets.after", "commit.before",
		"commit.after"} {
		t.Run(step, func(t *testing.T) {
			b := newBroker(t)
			p := b.open()
			p.step = func(name string) {
				if name == "processor."+step {
					runtime.Goexit()
				}
			}
			died := make(chan struct{})
			go func() {
				defer close(died)
				_ = p.Publish(t.Context(), batch(10), offset(10))
			}()
			<-died
			next := b.open()
			wantVisible, wantCommitted := kafka.NoRecord, int64(-1)
			if step == "commit.after" {
				wantVisible, wantCommitted = 9, 10
			}
			if b.visible() != wantVisible || b.committed() != wantCommitted {
				t.Errorf("last visible record %d, committed offset %d, want %d and %d", b.visible(), b.committed(), wantVisible,
					wantCommitted)
			}
			last := offset(20)
			last.Previous = wantCommitted
			if err := next.Publish(t.Context(), batch(10), last); err != nil {
				t.Fatal(err)
			}
			if b.committed() != 20 {
				t.Errorf("committed offset %d, want 20", b.committed())
			}
		})
	}
}

func TestFencedByANewerProducer(t *testing.T) {
	b := newBroker(t)
	old := b.open()
	b.open()
	if err := old.Publish(t.Context(), batch(1), offset(1)); !errors.Is(err, ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	if b.visible() != kafka.NoRecord || b.committed() != -1 {
		t.Errorf("last visible record %d, committed offset %d", b.visible(), b.committed())
	}
}

// A member that lost its partition without noticing still has its producer.
func TestStaleGenerationIsRefused(t *testing.T) {
	b := newBroker(t)
	stale := offset(10)
	stale.Group = &sarama.ConsumerGroupMetadata{GroupID: "group", GenerationID: 7, MemberID: "gone"}
	if err := b.open().Publish(t.Context(), batch(10), stale); err == nil {
		t.Fatal("a member that is not in the group has committed")
	}
	if b.visible() != kafka.NoRecord || b.committed() != -1 {
		t.Errorf("last visible record %d, committed offset %d", b.visible(), b.committed())
	}
}

// A new owner that began from an offset that the group has left behind commits
// nothing: what it has done, another had done before it.
func TestStaleOffset(t *testing.T) {
	for _, previous := range []int64{NoOffset, 10, 30} {
		b := newBroker(t)
		if err := b.open().Publish(t.Context(), batch(20), offset(20)); err != nil {
			t.Fatal(err)
		}
		stale := offset(40)
		stale.Previous = previous
		if err := b.open().Publish(t.Context(), batch(20), stale); !errors.Is(err, ErrStale) {
			t.Errorf("began from %d, committed is 20: got %v, want ErrStale", previous, err)
		}
		next := b.open()
		if b.visible() != 19 || b.committed() != 20 {
			t.Errorf("began from %d: last visible record %d, committed offset %d", previous, b.visible(), b.committed())
		}
		stale.Previous = 20
		if err := next.Publish(t.Context(), batch(20), stale); err != nil || b.committed() != 40 {
			t.Errorf("%v, committed offset %d", err, b.committed())
		}
	}
}

// Where the committed offset cannot be read, nothing is committed either.
func TestOffsetCannotBeCompared(t *testing.T) {
	b := newBroker(t)
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.NotCoordinator, Count: 1})
	if err := b.open().Publish(t.Context(), batch(10), offset(10)); !errors.Is(err, sarama.ErrNotCoordinatorForConsumer) {
		t.Errorf("got %v", err)
	}
	if err := b.open().Publish(t.Context(), batch(10), offset(10)); err != nil || b.committed() != 10 {
		t.Errorf("%v, committed offset %d", err, b.committed())
	}
}

func TestRepeatedCommitIsTheProducersLast(t *testing.T) {
	b := newBroker(t)
	b.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("the connection breaks"), true
	})
	if err := b.open().Publish(t.Context(), batch(1), offset(1)); !errors.Is(err, ErrRepeated) {
		t.Errorf("got %v, want ErrRepeated", err)
	}
	if b.committed() != 1 {
		t.Errorf("committed offset %d, want 1: the repetition has committed", b.committed())
	}
}

func TestCancelledPublishLeavesNothingOpen(t *testing.T) {
	b := newBroker(t)
	p := b.open()
	ctx, cancel := context.WithCancel(t.Context())
	p.step = func(name string) {
		if name == "processor.begin.after" {
			cancel()
		}
	}
	if err := p.Publish(ctx, batch(1000), offset(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it is cancelled", err)
	}
	info := b.PartitionInfo("out", 0)
	if info.LastStableOffset != info.HighWatermark || b.visible() != kafka.NoRecord {
		t.Errorf("last stable offset %d, high watermark %d, visible %d", info.LastStableOffset, info.HighWatermark,
			b.visible())
	}
}

func TestCommitThatHasBegunIsNotCancelled(t *testing.T) {
	b := newBroker(t)
	p := b.open()
	ctx, cancel := context.WithCancel(t.Context())
	p.step = func(name string) {
		if name == "processor.commit.before" {
			cancel()
		}
	}
	if err := p.Publish(ctx, batch(10), offset(1)); err != nil || b.committed() != 1 {
		t.Errorf("%v, committed offset %d", err, b.committed())
	}
}

func TestOpenEndsWhatAnotherHasInHand(t *testing.T) {
	b := newBroker(t)
	old := b.open()
	var opened atomic.Bool
	old.step = func(name string) {
		if name == "processor.offsets.before" && opened.CompareAndSwap(false, true) {
			b.open()
		}
	}
	if err := old.Publish(t.Context(), batch(10), offset(10)); !errors.Is(err, ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	if info := b.PartitionInfo("out", 0); info.LastStableOffset != info.HighWatermark || b.visible() != kafka.NoRecord {
		t.Errorf("last stable offset %d, high watermark %d, visible %d", info.LastStableOffset, info.HighWatermark,
			b.visible())
	}
}

// The watchdog closes the connections while their owner does.
func TestConnectionsAreClosedTwiceAtOnce(t *testing.T) {
	p := newBroker(t).open()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _ = p.client.Close() })
	}
	all.Wait()
	if !p.client.Closed() {
		t.Error("the connections are open")
	}
}

func TestCloseDoesNotHangWithoutABroker(t *testing.T) {
	b := newBroker(t)
	p, err := Open(t.Context(), b.settings, id)
	if err != nil {
		t.Fatal(err)
	}
	p.step = func(name string) {
		if name == "processor.begin.after" {
			b.Close()
		}
	}
	if err := p.Publish(t.Context(), batch(100), offset(100)); err == nil {
		t.Fatal("published without a broker")
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		p.Close()
	}()
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Fatal("Close hangs")
	}
}
