package interop

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"purchases/analytics/internal/testkit/process"
	"purchases/producer/registry"
)

const (
	away = "the schema registry is unreachable"
	back = "the schema registry is reachable again"
)

// fresh registers a schema that no processor has met before.
func (s *shop) fresh(name string) (id int32) {
	s.t.Helper()
	subject := name + s.suffix
	schema := fmt.Sprintf(`{"$schema":"http://json-schema.org/draft-07/schema#","title":%q,"type":"object"}`, subject)
	return s.registry.register(s.t, subject, "JSON", schema)
}

func plain(user string) []byte {
	return fmt.Appendf(nil, `{"user":%q,"item":"tea","timestamp":"2026-01-31T12:00:00.123Z"}`, user)
}

func framed(id int32, user string) []byte { return append(registry.Append(nil, id), plain(user)...) }

// await waits until the events of exactly these users are out.
func (s *shop) await(users ...string) {
	s.t.Helper()
	slices.Sort(users)
	s.until(fmt.Sprintf("the events of %v are out", users), func() bool {
		return slices.Equal(slices.Sorted(maps.Keys(s.processed())), users)
	})
}

// awaitSaid waits until the program has logged the text so often.
func (s *shop) awaitSaid(p *process.Process, text string, times int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%s says %q", p.Name, text), func() bool { return strings.Count(p.Log(), text) >= times })
}

// end stops a processor, which must have said so often that the registry is away, and
// have refused nothing.
func (s *shop) end(p *process.Process, times int) {
	s.t.Helper()
	s.stop(p)
	if said := strings.Count(p.Log(), away); said != times {
		s.t.Errorf("it said %d times that the registry is away, want %d:\n%s", said, times, p.Log())
	}
	if letters := s.read(s.letters()); len(letters) > 0 {
		s.t.Errorf("%d dead letters", len(letters))
	}
}

// lastSaid is the last line of the log with the text.
func lastSaid(p *process.Process, text string) (last string) {
	for line := range strings.Lines(p.Log()) {
		if strings.Contains(line, text) {
			last = line
		}
	}
	return last
}

func TestRegistryDownAtStartAndInMidRun(t *testing.T) {
	onEach(t, func(s *shop) {
		g := newGate(s.t, s.registry)
		s.configure(g.url)
		s.writersFail("does not answer at "+g.url, "check schema.registry.url")
		known := s.fresh("known")
		s.send(0, plain("before"))
		s.send(0, framed(known, "first"))
		s.send(0, plain("behind"))
		s.send(1, plain("beside"))
		p := s.start("processor", "run")
		s.awaitSaid(p, away, 1)
		s.await("before", "beside")
		s.holds(lastSaid(p, away), "does not answer at "+g.url, "connection refused; check schema.registry.url")
		g.open()
		s.await("before", "beside", "first", "behind")

		g.close()
		s.send(0, framed(known, "known"))
		s.send(0, framed(s.fresh("later"), "later"))
		s.send(0, framed(known, "behind later"))
		s.send(1, framed(known, "known beside"))
		s.awaitSaid(p, away, 2)
		s.await("before", "beside", "first", "behind", "known", "known beside")
		g.open()
		s.await("before", "beside", "first", "behind", "known", "known beside", "later", "behind later")
		s.awaitSaid(p, back, 2)
		s.end(p, 2)
	})
}

// writersFail says of each program that needs a schema before it begins that it fails
// with one line.
func (s *shop) writersFail(texts ...string) {
	s.t.Helper()
	texts = append(texts, "look up our schema")
	s.fails(texts, "producer", "generate", "--count", "1", "--seed", "1", "--value-format", "avro")
	s.fails(texts, "processor", "run", "--value-format", "json-schema")
}

func TestRegistryRefusesThePassword(t *testing.T) {
	onEach(t, func(s *shop) {
		g := newGate(s.t, s.registry)
		g.demand("right")
		g.open()
		s.configure(g.url, "basic.auth.credentials.source=USER_INFO", "basic.auth.user.info=shop:wrong")
		const advice = "check basic.auth.user.info"
		s.writersFail("answered 401 to ", g.url, advice)
		for _, program := range []string{"producer", "processor"} {
			report, _, err := s.run(s.command(program, "check"))
			if err == nil {
				s.t.Errorf("%s check is content", program)
			}
			s.holds(report, "problem: ask the schema registry for subject ", "answered 401 to GET "+g.url, advice)
		}
		s.send(0, framed(s.fresh("framed"), "framed"))
		s.send(1, plain("plain"))
		before := g.refusals()
		p := s.start("processor", "run")
		s.until("the processor has asked three times", func() bool { return g.refusals() >= before+3 })
		s.await("plain")
		s.holds(lastSaid(p, away), "answered 401 to GET "+g.url, advice)
		s.end(p, 1)
		if strings.Contains(p.Log(), "wrong") {
			s.t.Errorf("it shows the password:\n%s", p.Log())
		}

		s.configure(g.url, "basic.auth.credentials.source=USER_INFO", "basic.auth.user.info=shop:right")
		s.must("processor", "run", "--drain")
		s.await("framed", "plain")
	})
}

func TestRegistryIsSlow(t *testing.T) {
	onEach(t, func(s *shop) {
		g := newGate(s.t, s.registry)
		release := g.hold()
		g.open()
		s.configure(g.url)
		s.send(0, framed(s.fresh("slow"), "slow"))
		s.send(0, plain("behind"))
		s.send(1, plain("beside"))
		p := s.start("processor", "run")
		s.await("beside")
		release()
		s.await("beside", "slow", "behind")

		// Slower than a request may take.
		release = g.hold()
		said := strings.Count(p.Log(), away)
		s.send(0, framed(s.fresh("slower"), "slower"))
		s.awaitSaid(p, away, said+1)
		s.holds(lastSaid(p, away), "does not answer at "+g.url)
		s.await("beside", "slow", "behind")
		release()
		s.await("beside", "slow", "behind", "slower")
		s.end(p, said+1)
	})
}
