package endtoend_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/analytics/internal/testkit/cluster"
	"purchases/analytics/internal/testkit/process"
	"purchases/producer/testkit/lossy"
)

func (p *published) needsThreeBrokers() {
	p.t.Helper()
	if len(p.cluster.Brokers) < 3 {
		p.t.Skip("NOT TESTED here: needs three brokers of the test's own, run it with make test-kafka")
	}
	p.restoreBrokers()
}

// restoreBrokers brings back what a test that failed has left paused or dead,
// for the tests after it.
func (p *published) restoreBrokers() {
	p.t.Cleanup(func() {
		if !p.t.Failed() {
			return
		}
		for _, b := range p.cluster.Brokers {
			b.Resume()
			if b.Running() {
				continue
			}
			if err := b.Start(context.Background()); err != nil {
				p.t.Error(err)
			}
		}
	})
}

// Every program waits for a broker that goes away, and continues by itself. On a
// real cluster each broker is killed in turn: leaders of partitions, of
// transactions and of groups are among them.
func TestBrokersLost(t *testing.T) {
	p := newPublished(t)
	if len(p.cluster.Brokers) == 0 {
		t.Skip("NOT TESTED: the brokers of a cluster that is named cannot be killed")
	}
	p.restoreBrokers()
	processor, analytics := p.launch("processor", "run", "--batch-size", "100"), p.launch("analytics", "run")
	p.publish(1000)
	p.until("it is stored", func() bool { return p.stored() > 0 })
	wait := p.flow(3000*len(p.cluster.Brokers), 300)
	for _, b := range p.cluster.Brokers {
		ctx := p.within(patience)
		if len(p.cluster.Brokers) == 1 {
			b.Pause()
			time.Sleep(5 * time.Second) // longer than a request is given
			b.Resume()
		} else {
			b.Kill()
			if err := p.cluster.Restart(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.cluster.AwaitInSync(ctx); err != nil {
			t.Fatal(err)
		}
	}
	wait()
	p.check(processor, analytics)
}

// With two of three brokers paused nothing is acknowledged, so nothing is
// counted either, until they are back.
func TestMajorityLost(t *testing.T) {
	p := newPublished(t)
	p.needsThreeBrokers()
	processor, analytics := p.launch("processor", "run", "--batch-size", "100"), p.launch("analytics", "run")
	p.publish(1000)
	p.until("it is stored", func() bool { return p.stored() > 0 })
	wait := p.flow(3000, 300)
	lost := p.cluster.Brokers[1:]
	for _, b := range lost {
		b.Pause()
	}
	time.Sleep(10 * time.Second) // longer than the brokers' sessions
	for _, b := range lost {
		b.Resume()
	}
	if err := p.cluster.AwaitInSync(p.within(patience)); err != nil {
		t.Fatal(err)
	}
	wait()
	p.check(processor, analytics)
}

// coordinator is the number of the broker that coordinates the processors'
// group, -1 while that is not to be found out.
func (p *published) coordinator() int {
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Second) // one that is paused does not answer
	defer cancel()
	n, err := p.cluster.Coordinator(ctx, "processor"+p.suffix)
	if err != nil {
		return -1
	}
	return n
}

// The broker that coordinates the group is paused until another does, and wakes
// up. It answers from what it knew, until it learns that it has been deposed.
func TestCoordinatorWakesUpTooLate(t *testing.T) {
	p := newPublished(t)
	p.needsThreeBrokers()
	processor := p.launch("processor", "run", "--batch-size", "100")
	stop, committed := p.stream(), p.committed()
	p.progress(committed)
	old := p.coordinator()
	p.cluster.Brokers[old].Pause()
	p.until("another broker coordinates the group", func() bool { n := p.coordinator(); return n >= 0 && n != old })
	p.progress(committed)
	p.progress(committed)
	p.cluster.Brokers[old].Resume()
	processor.Kill()
	processor = p.launch("processor", "run", "--batch-size", "100")
	p.progress(committed)
	stop()
	if err := p.cluster.AwaitInSync(p.within(patience)); err != nil {
		t.Fatal(err)
	}
	p.check(processor)
}

// Each broker does what it is asked, and its answer gets lost, for every request
// that the processor makes. On the embedded broker, tests of package pipeline do
// the same.
func TestAnswersLost(t *testing.T) {
	p := newPublished(t)
	p.needsThreeBrokers()
	listeners, outer := p.standBetween()
	run := func() *process.Process {
		c := p.command("processor", "run", "--batch-size", "100")
		c.Env = append(c.Env, "KAFKA_BOOTSTRAP_SERVERS="+strings.Join(outer, ","))
		return p.launched("processor", c)
	}
	lost := func() (n int) {
		for _, l := range listeners {
			n += l.Lost()
		}
		return n
	}
	stop, committed := p.stream(), p.committed()
	processor := run()
	for _, key := range []kmsg.Key{
		kmsg.Produce, kmsg.EndTxn, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.InitProducerID,
		kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch, kmsg.Fetch, kmsg.FindCoordinator,
	} {
		p.progress(committed)
		before := lost()
		for _, l := range listeners {
			l.Lose("processor", key.Int16(), 1)
		}
		processor.Kill() // some requests are made at the start only
		processor = run()
		p.until("an answer to "+key.Name()+" gets lost", func() bool { return lost() > before })
	}
	p.progress(committed)
	stop()
	p.check(processor)
}

// standBetween relays what comes to the brokers' outer addresses.
func (p *published) standBetween() (listeners []*lossy.Listener, outer []string) {
	p.t.Helper()
	for _, b := range p.cluster.Brokers {
		l, err := lossy.Listen("tcp", b.Outer)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = l.Close() })
		go l.Relay(b.Inner)
		listeners, outer = append(listeners, l), append(outer, b.Outer)
	}
	return listeners, outer
}

// A partition continues under a replica that lacks records which analytics has
// stored, and grows past them. What is stored is then of another log, and
// analytics says so instead of going on: whether it runs meanwhile or not.
func TestUncleanElection(t *testing.T) {
	p := newPublished(t)
	p.needsThreeBrokers()
	ctx := p.within(patience)
	topic := "unclean" + p.suffix
	if err := p.cluster.CreateUnclean(ctx, topic, 0, 1); err != nil {
		t.Fatal(err)
	}
	leader, follower := p.cluster.Brokers[0], p.cluster.Brokers[1]
	processAs := func(group string) { p.run("processor", "run", "--drain", "--to", topic, "--group", group+p.suffix) }
	p.publish(500)
	processAs("first")
	analytics := p.launch("analytics", "run", "--topic", topic)
	p.until("half is stored", func() bool { return p.stored() > 450 })
	follower.Kill()
	p.publish(500)
	processAs("first") // on the leader alone
	p.until("all is stored", func() bool { return p.stored() > 950 })
	analytics.Pause()
	leader.Kill()
	p.starts(follower)
	p.until("the follower leads", func() bool {
		n, err := p.cluster.Leader(ctx, topic)
		return err == nil && n == 1
	})
	processAs("second") // all of it again, so that the log grows past what is stored
	analytics.Resume()
	p.refuses(analytics)
	p.refuses(p.launch("analytics", "run", "--topic", topic))
	p.starts(leader)
	if err := p.cluster.AwaitInSync(ctx); err != nil {
		t.Fatal(err)
	}
}

func (p *published) starts(b *cluster.Broker) {
	p.t.Helper()
	if err := b.Start(p.within(patience)); err != nil {
		p.t.Fatal(err)
	}
}

// refuses wants analytics to end because the log is another one.
func (p *published) refuses(analytics *process.Process) {
	p.t.Helper()
	p.until("analytics ends", func() bool { return !analytics.Running() })
	const refusal = "the log was truncated and has grown again, as after an unclean leader election"
	if err := analytics.Err(); err == nil || !strings.Contains(err.Error(), refusal) {
		p.t.Errorf("analytics ended with %v, want %q", err, refusal)
	}
}
