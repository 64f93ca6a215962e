package endtoend_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/database"
)

const (
	streamRate  = 5000 // events a second, of which the probes are a small part
	probeEvery  = 20 * time.Millisecond
	probeRound  = 10 * time.Second
	settleTime  = 2 * time.Second
	pollingTime = 2 * time.Millisecond
)

// BenchmarkLatency sends probes among 5,000 events a second through the real
// programs, and measures how long each takes from before it is handed to
// `producer import` until a query of the database shows it. Probes are sent at
// their time whether or not those before have arrived.
func BenchmarkLatency(b *testing.B) {
	m := newMachine(b)
	m.start("processor", "run")
	m.start("analytics", "run")
	stream := m.launch("producer", "generate", "--rate", fmt.Sprint(streamRate))
	defer stream.Kill()
	p := m.startProbes()
	time.Sleep(settleTime)
	var took []time.Duration
	for b.Loop() {
		took = append(took, p.round()...)
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // it is the length of a round
	for _, q := range []struct {
		part float64
		unit string
	}{{0.5, "p50-ms"}, {0.9, "p90-ms"}, {0.99, "p99-ms"}, {1, "max-ms"}} {
		at := min(int(q.part*float64(len(took))), len(took)-1)
		b.ReportMetric(float64(took[at].Microseconds())/1000, q.unit)
	}
}

// probes are purchases of one user each, so that each is easy to find.
type probes struct {
	t    testing.TB
	to   io.Writer // of `producer import`, which sends a line when it has come
	db   *sqlx.DB
	made int
}

func (m *machine) startProbes() *probes {
	m.t.Helper()
	command := m.command("producer", "import", "--format", "jsonl", "-")
	to, err := command.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(m.dir, "probes.log"))
	if err != nil {
		m.t.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		m.t.Fatal(err)
	}
	p := &probes{t: m.t, to: to}
	m.until("analytics has made its database",
		func() bool { p.db, err = database.OpenReader(m.database()); return err == nil })
	m.t.Cleanup(func() {
		_ = p.db.Close()
		_ = to.Close()
		if err := command.Wait(); err != nil {
			text, _ := os.ReadFile(log.Name())
			m.t.Errorf("producer import: %v\n%s", err, text)
		}
		_ = log.Close()
	})
	return p
}

// round sends probes for a while and returns how long each took.
func (p *probes) round() (took []time.Duration) {
	p.t.Helper()
	sent := map[string]time.Time{} // and not yet seen
	begun := time.Now()
	for n := 0; n < int(probeRound/probeEvery) || len(sent) > 0; time.Sleep(pollingTime) {
		if due := begun.Add(time.Duration(n) * probeEvery); n < int(probeRound/probeEvery) && time.Now().After(due) {
			sent[p.send()] = due
			n++
		}
		for _, user := range p.visible(sent) {
			took = append(took, time.Since(sent[user]))
			delete(sent, user)
		}
		if time.Since(begun) > probeRound+patience {
			p.t.Fatalf("%d probes do not arrive", len(sent))
		}
	}
	return took
}

func (p *probes) send() (user string) {
	p.t.Helper()
	p.made++
	user = fmt.Sprintf("probe-%d", p.made)
	_, err := fmt.Fprintf(p.to, `{"user":%q,"item":"probe","timestamp":%q}`+"\n", user, time.Now().UTC().
		Format(time.RFC3339Nano))
	if err != nil {
		p.t.Fatal(err)
	}
	return user
}

// visible is which of the users a query shows.
func (p *probes) visible(sent map[string]time.Time) (users []string) {
	p.t.Helper()
	if len(sent) == 0 {
		return nil
	}
	var names []string
	for user := range sent {
		names = append(names, user)
	}
	query, args, err := sqlx.In(`SELECT user FROM user_sales WHERE user IN (?)`, names)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.db.Select(&users, query, args...); err != nil {
		p.t.Fatal(err)
	}
	return users
}
