package endtoend_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"purchases/analytics/internal/testkit/audit"
	"purchases/analytics/internal/testkit/process"
)

func TestProducerKilledAndRunAgain(t *testing.T) {
	p := newPublished(t)
	flags := p.flags(1, 6000)
	const runs = 4
	published := p.count(p.purchases())
	for range runs - 1 {
		generate := p.launch("producer", "generate", append(flags, "--rate", "5000")...)
		before := published()
		p.until("more is published", func() bool { return published() > before+1000 })
		generate.Kill()
	}
	p.run("producer", "generate", flags...)
	p.expect(runs, flags)
	p.check()
}

func TestProcessorKilledAgainAndAgain(t *testing.T) {
	p := newPublished(t)
	p.publish(10_000)
	committed := p.committed()
	for kill := range 5 {
		processor := p.launch("processor", "run", "--batch-size", "100")
		p.reach(committed, 1000*(kill+1))
		processor.Kill()
	}
	p.check()
}

func TestAnalyticsKilledAgainAndAgain(t *testing.T) {
	p := newPublished(t)
	processor := p.launch("processor", "run")
	stored := 0
	for range 5 {
		p.publish(1000)
		analytics := p.launch("analytics", "run")
		p.until("more is stored", func() bool { return p.stored() > stored })
		stored = p.stored()
		analytics.Kill()
	}
	p.check(processor)
}

// A processor that is paused for longer than its session lasts loses its
// partitions to the other, and must not write for them when it wakes up.
func TestProcessorThatWakesUpTooLate(t *testing.T) {
	const sessionTimeout = 6 * time.Second
	p := newPublished(t)
	committed := p.committed()
	zombie := p.launch("processor", "run", "--batch-size", "100")
	p.publish(1000)
	p.reach(committed, 1000)
	heir := p.launch("processor", "run", "--batch-size", "100")
	wait := p.flow(4000, 400)
	p.reach(committed, 1800)
	zombie.Pause()
	time.Sleep(sessionTimeout + time.Second) // Kafka's clock, which nothing shows
	wait()
	p.reach(committed, 5000)
	zombie.Resume()
	p.publish(1000)
	p.reach(committed, 6000)
	p.check(zombie, heir)
}

func TestProcessorsJoinAndLeave(t *testing.T) {
	p := newPublished(t)
	wait := p.flow(7000, 1000)
	committed := p.committed()
	var members []*process.Process
	for n := range 3 {
		members = append(members, p.launch("processor", "run", "--batch-size", "100"))
		p.reach(committed, 1000*(n+1))
	}
	for n, member := range members[:2] {
		if err := member.Terminate(); err != nil {
			t.Error(err)
		}
		p.reach(committed, 4000+1000*n)
	}
	wait()
	p.check(members[2])
}

// Of two processors with one identity the first is told so by the broker, and
// ends; they would take each other's partitions for ever.
func TestTwoProcessorsWithOneIdentity(t *testing.T) {
	p := newPublished(t)
	first := p.launch("processor", "run")
	stop, committed := p.stream(), p.committed()
	p.progress(committed)
	second := p.command("processor", "run")
	second.Env = append(second.Env, "TMPDIR="+t.TempDir()) // where it does not see that the number is taken
	heir := p.launched("processor", second)
	p.until("the first processor ends", func() bool { return !first.Running() })
	if err := first.Err(); err == nil || !strings.Contains(err.Error(), "another processor has joined group") {
		t.Errorf("the first processor ended with %v", err)
	}
	p.progress(committed)
	stop()
	p.check(heir)
}

func TestPartitionsAddedWhileRunning(t *testing.T) {
	p := newPublished(t)
	processor, analytics := p.launch("processor", "run"), p.launch("analytics", "run")
	p.publish(1000)
	p.until("it is stored", func() bool { return p.stored() > 0 })
	if err := p.cluster.Grow(t.Context(), partitions+4, p.purchases()); err != nil {
		t.Fatal(err)
	}
	committed := p.committed()
	p.publish(2000)
	p.reach(committed, 3000)
	p.check(processor, analytics)
}

// Others may write purchases in transactions; those that they abort never
// happened.
func TestInputOfAbortedTransactions(t *testing.T) {
	p := newPublished(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(p.cluster.Addresses...), kgo.TransactionalID("till"+p.suffix))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	processor, analytics := p.launch("processor", "run"), p.launch("analytics", "run")
	ctx := p.within(patience)
	for n := range 6 {
		flags := p.flags(n+1, 500)
		p.expect(1, flags)
		end := kgo.TryCommit
		if n%2 == 0 {
			end = kgo.TryAbort
		}
		if err := transact(ctx, client, p.purchases(), p.batches[n].Values, end); err != nil {
			t.Fatal(err)
		}
	}
	p.batches = []audit.Batch{p.batches[1], p.batches[3], p.batches[5]}
	p.check(processor, analytics)
	if got := p.count(p.purchases())(); got != 1500 {
		t.Errorf("%d purchases are committed, want 1500", got)
	}
}

func transact(ctx context.Context, client *kgo.Client, topic string, values [][]byte, end kgo.TransactionEndTry) error {
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	for _, value := range values {
		client.Produce(ctx, &kgo.Record{Topic: topic, Key: value[:min(len(value), 60)], Value: value}, nil)
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return client.EndTransaction(ctx, end)
}
