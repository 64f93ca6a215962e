package endtoend_test

import (
	"fmt"
	"testing"

	"purchases/analytics/internal/testkit/audit"
	"purchases/analytics/internal/testkit/process"
)

// published is a machine whose input is known.
type published struct {
	*machine
	batches []audit.Batch
}

func newPublished(t testing.TB) *published {
	t.Helper()
	if test, ok := t.(*testing.T); ok && current.shared == nil {
		test.Parallel() // each with a broker of its own; most of the time they wait
	}
	return &published{machine: newMachine(t)}
}

func (p *published) flags(seed, count int) []string {
	return []string{
		"--seed", fmt.Sprint(seed), "--count", fmt.Sprint(count), "--start", startOfEvents,
		"--invalid-ratio", invalidRatio, "--duplicate-ratio", doubledRatio,
	}
}

// expect says what was published, by so many runs of the same command.
func (p *published) expect(runs int, flags []string) {
	p.t.Helper()
	values := audit.Lines([]byte(p.run("producer", "generate", append(flags, "--dry-run")...)))
	p.batches = append(p.batches, audit.Batch{Values: values, Runs: runs})
}

func (p *published) publish(count int) {
	p.t.Helper()
	flags := p.flags(len(p.batches)+1, count)
	p.run("producer", "generate", flags...)
	p.expect(1, flags)
}

// flow publishes in the background, slowly enough for things to happen. The
// result waits for its end.
func (p *published) flow(count, rate int) (wait func()) {
	p.t.Helper()
	flags := p.flags(len(p.batches)+1, count)
	generate := p.launch("producer", "generate", append(flags, "--rate", fmt.Sprint(rate))...)
	p.expect(1, flags)
	return func() {
		p.t.Helper()
		if err := generate.Err(); err != nil {
			p.t.Fatal(err)
		}
	}
}

// check stops the programs, which must end without an error, has the rest
// processed and stored, and audits everything.
func (p *published) check(programs ...*process.Process) {
	p.t.Helper()
	for _, program := range programs {
		if err := program.Terminate(); err != nil {
			p.t.Error(err)
		}
	}
	p.run("processor", "run", "--drain")
	p.run("analytics", "run", "--drain")
	logs := p.readLogs(p.within(patience))
	for _, err := range []error{
		audit.Input(logs.Input, p.batches),
		audit.Processed(logs),
		audit.Database(p.t.Context(), p.database(), logs),
	} {
		if err != nil {
			p.t.Error(err)
		}
	}
}

// count counts the records of the topics that readers can see.
func (p *published) count(topics ...string) func() int {
	p.t.Helper()
	reader, err := audit.NewReader(p.cluster.Addresses, topics...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(reader.Close)
	return func() (records int) {
		logs, err := reader.ReadToEnd(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		for _, topic := range topics {
			records += len(logs[topic])
		}
		return records
	}
}

// reach waits until the count is so high.
func (p *published) reach(count func() int, least int) {
	p.t.Helper()
	p.until(fmt.Sprintf("%d can be read", least), func() bool { return count() >= least })
}

// committed counts the results.
func (p *published) committed() func() int { return p.count(p.events(), p.letters()) }
