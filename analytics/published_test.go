package main_test

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

// results waits until so many more results can be read.
func (p *published) results(reader *audit.Reader, least int) {
	p.t.Helper()
	p.until(fmt.Sprintf("%d results can be read", least), func() bool {
		logs, err := reader.ReadToEnd(p.within(patience))
		return err == nil && len(logs[p.events()])+len(logs[p.letters()]) >= least
	})
}

func (p *published) reader() *audit.Reader {
	p.t.Helper()
	reader, err := audit.NewReader(p.cluster.Addresses, p.events(), p.letters())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(reader.Close)
	return reader
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

// records is how many records of the topic can be read.
func (p *published) records(topic string) int {
	p.t.Helper()
	reader, err := audit.NewReader(p.cluster.Addresses, topic)
	if err != nil {
		p.t.Fatal(err)
	}
	defer reader.Close()
	logs, err := reader.ReadToEnd(p.within(patience))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(logs[topic])
}
