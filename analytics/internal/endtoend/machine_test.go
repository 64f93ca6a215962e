package endtoend_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"purchases/analytics/internal/database"
	"purchases/analytics/internal/testkit/audit"
	"purchases/analytics/internal/testkit/cluster"
	"purchases/analytics/internal/testkit/process"
)

const (
	partitions = 8
	patience   = 4 * time.Minute // for what must happen without further doing
	poll       = 20 * time.Millisecond
)

// machine is one user's folder, with a broker or with topics of its own.
type machine struct {
	t       testing.TB
	dir     string
	cluster *cluster.Cluster
	// suffix makes the names of topics and groups on a shared cluster unique;
	// elsewhere the programs' defaults serve.
	suffix string
	logs   int
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	if current.shared != nil {
		return newMachineOn(t, current.shared)
	}
	m := &machine{t: t, dir: keptOnFailure(t)}
	m.startBroker()
	return m
}

// newMachineOn is a machine with topics of its own on a cluster that it shares.
func newMachineOn(t testing.TB, c *cluster.Cluster) *machine {
	t.Helper()
	m := &machine{t: t, dir: keptOnFailure(t), cluster: c, suffix: fmt.Sprintf("-%08x", rand.Uint32())}
	topics := []string{m.purchases(), m.events(), m.letters()}
	if err := c.Create(m.within(patience), partitions, topics...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // the topics are evidence
		}
		if err := c.Delete(context.Background(), topics...); err != nil {
			t.Error(err)
		}
	})
	return m
}

// keptOnFailure is a folder that stays for the person who looks for the cause.
func keptOnFailure(t testing.TB) string {
	dir, err := os.MkdirTemp("", "purchases-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the programs' logs and the database are kept in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

func (m *machine) startBroker() {
	m.t.Helper()
	var err error
	if m.cluster, err = cluster.Embedded(m.within(patience), filepath.Join(current.binaries, "producer"),
		m.dir); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		if err := m.cluster.Brokers[0].Stop(); err != nil {
			m.t.Error(err)
		}
	})
}

// within is a context that ends after the time, or with the test.
func (m *machine) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(m.t.Context(), d)
	m.t.Cleanup(cancel)
	return ctx
}

func (m *machine) purchases() string { return "purchases" + m.suffix }
func (m *machine) events() string    { return "analytics" + m.suffix }
func (m *machine) letters() string   { return "purchases.dlq" + m.suffix }
func (m *machine) database() string  { return filepath.Join(m.dir, "data", "analytics.db") }

// names are the flags that a program needs where the names are not the defaults.
func (m *machine) names(program, command string) []string {
	switch {
	case m.suffix == "":
		return nil
	case program == "producer":
		return []string{"--topic", m.purchases()}
	case program == "processor":
		return []string{"--topic", m.purchases(), "--to", m.events(), "--dead-letters", m.letters(), "--group", "processor" +
			m.suffix}
	case command == "run":
		return []string{"--topic", m.events(), "--dead-letters", m.letters(), "--group", "analytics" + m.suffix}
	}
	return nil
}

func (m *machine) command(program, command string, args ...string) *exec.Cmd {
	args = append(append([]string{command}, m.names(program, command)...), args...)
	c := exec.Command(filepath.Join(current.binaries, program), args...)
	c.Dir = m.dir
	// The processors' instance numbers are this machine's own, too.
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+m.cluster.Bootstrap(), "TMPDIR="+m.dir)
	return c
}

// launch runs a program in the background, until the test does something to it.
func (m *machine) launch(program, command string, args ...string) *process.Process {
	m.t.Helper()
	return m.launched(program, m.command(program, command, args...))
}

func (m *machine) launched(name string, command *exec.Cmd) *process.Process {
	m.t.Helper()
	m.logs++
	p, err := process.Start(name, command, filepath.Join(m.dir, fmt.Sprintf("%s-%d.log", name, m.logs)))
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

// serve starts a command of analytics with its HTTP server on a port that is
// free, and returns its address.
func (m *machine) serve(command string, args ...string) (address string) {
	m.t.Helper()
	p := m.start("analytics", command, append(args, "--http", "127.0.0.1:0")...)
	m.logged(p, " url=http://", 1)
	_, url, _ := strings.Cut(p.Log(), " url=http://")
	address, _, _ = strings.Cut(url, "/")
	return address
}

// start runs a program in the background; when the test ends it is told to
// stop and must do so without an error.
func (m *machine) start(program, command string, args ...string) *process.Process {
	m.t.Helper()
	p := m.launch(program, command, args...)
	m.t.Cleanup(func() {
		if err := p.Terminate(); err != nil {
			m.t.Errorf("%v\n%s", err, p.Log())
		}
	})
	return p
}

// run runs a program to its end and returns what it wrote to stdout.
func (m *machine) run(program, command string, args ...string) string {
	m.t.Helper()
	c := m.command(program, command, args...)
	var output, errors bytes.Buffer
	c.Stdout, c.Stderr = &output, &errors
	defer time.AfterFunc(patience, func() { _ = c.Process.Signal(syscall.SIGQUIT) }).Stop() // shows where it hangs
	if err := c.Run(); err != nil {
		m.t.Fatalf("%s %s %v: %v\n%s%s", program, command, args, err, output.String(), errors.String())
	}
	return output.String()
}

// query returns the rows of a canned query, without the header.
func (m *machine) query(args ...string) [][]string {
	m.t.Helper()
	out := m.run("analytics", "query", append([]string{"--output", "csv"}, args...)...)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		m.t.Fatalf("query %v: %v", args, err)
	}
	return rows[1:]
}

// until waits for something that happens without further doing.
func (m *machine) until(what string, done func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(poll) {
		if time.Now().After(deadline) {
			m.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// logged waits until the program has logged the text so often.
func (m *machine) logged(p *process.Process, text string, times int) {
	m.t.Helper()
	m.until(fmt.Sprintf("%s logs %q, see %s", p.Name, text, p.LogFile),
		func() bool { return strings.Count(p.Log(), text) >= times })
}

// stored is how many records the database holds, 0 before it has its tables.
func (m *machine) stored() (records int) {
	db, err := database.OpenReader(m.database())
	if err != nil {
		return 0
	}
	defer func() { _ = db.Close() }()
	if err := db.Get(&records, `SELECT ifnull(sum(records), 0) FROM internal_partitions`); err != nil {
		return 0
	}
	return records
}

// readLogs reads the three topics from their beginning to their end.
func (m *machine) readLogs(ctx context.Context) audit.Logs {
	m.t.Helper()
	reader, err := audit.NewReader(m.cluster.Addresses, m.purchases(), m.events(), m.letters())
	if err != nil {
		m.t.Fatal(err)
	}
	defer reader.Close()
	records, err := reader.ReadToEnd(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	return audit.Logs{Input: records[m.purchases()], Events: records[m.events()], Letters: records[m.letters()]}
}
