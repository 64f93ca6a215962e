package main_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purchases/analytics/internal/testkit/audit"
	"purchases/analytics/internal/testkit/cluster"
	"purchases/analytics/internal/testkit/process"
)

const (
	embedded   = "embedded"
	apache     = "kafka"
	partitions = 8
	patience   = 2 * time.Minute // for what must happen without further doing
)

// suite is what all tests share.
type suite struct {
	// binaries is the folder of the three programs, built as people build them:
	// the race detector, which every package has in its own tests, would make
	// the full sample take minutes.
	binaries string
	// shared is the real cluster, or nil when each test has an embedded broker.
	shared *cluster.Cluster

	chaos chaosOptions
	bench benchOptions
	api   apiOptions
}

// current belongs to TestMain, which no test can be handed anything by.
var current suite

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) (code int) {
	kind := flag.String("cluster", embedded, "run on an `embedded` broker, on a real kafka of three, or on the one at HOST:PORT,...")
	flag.DurationVar(&current.chaos.duration, "chaos", 0, "run TestChaos for `DURATION`")
	flag.Uint64Var(&current.chaos.seed, "seed", uint64(rand.Uint32()), "of the choices of TestChaos")
	flag.DurationVar(&current.bench.load, "load", 10*time.Second, "`DURATION` of the load of BenchmarkLoad")
	flag.IntVar(&current.bench.requests, "requests", 1000, "`NUMBER` a second in that load")
	flag.StringVar(&current.api.tester, "api-tester", "", "run TestAPI with the programs in `FOLDER`")
	flag.StringVar(&current.api.seed, "api-seed", "1", "of the requests of TestAPI")
	flag.Parse()
	dir, err := os.MkdirTemp("", "purchases")
	if err != nil {
		panic(err)
	}
	defer func() {
		if code != 0 && current.shared != nil {
			fmt.Fprintf(os.Stderr, "the brokers' logs are kept in %s\n", dir)
			return
		}
		_ = os.RemoveAll(dir)
	}()
	if err := current.setUp(*kind, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if current.shared != nil {
		defer func() { _ = current.shared.Close() }()
	}
	return m.Run()
}

func (s *suite) setUp(kind, dir string) (err error) {
	s.binaries = filepath.Join(dir, "bin")
	build := exec.Command("go", "build", "-o", s.binaries+"/", "purchases/producer", "purchases/processor", "purchases/analytics")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	if kind == embedded || kind == apache {
		forgetEnvironment()
	}
	switch kind {
	case embedded:
	case apache:
		s.shared, err = cluster.Apache(context.Background(), filepath.Join(dir, "kafka"))
	default:
		s.shared = cluster.Named(kind)
	}
	return err
}

// forgetEnvironment keeps the programs from a cluster that the user's
// environment names.
func forgetEnvironment() {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "KAFKA_") {
			_ = os.Unsetenv(name)
		}
	}
}

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
	m := &machine{t: t, dir: keptOnFailure(t), cluster: current.shared}
	if m.cluster == nil {
		m.startBroker()
		return m
	}
	m.suffix = fmt.Sprintf("-%08x", rand.Uint32())
	if err := m.cluster.Create(m.within(patience), partitions, m.purchases(), m.events(), m.letters()); err != nil {
		t.Fatal(err)
	}
	return m
}

// keptOnFailure is a folder that stays for whoever has to find out why.
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
	if m.cluster, err = cluster.Embedded(m.within(patience), filepath.Join(current.binaries, "producer"), m.dir); err != nil {
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
		return []string{"--topic", m.purchases(), "--to", m.events(), "--dead-letters", m.letters(), "--group", "processor" + m.suffix}
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
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+m.cluster.Bootstrap(), "TMPDIR="+m.dir, "ANALYTICS_HTTP=")
	return c
}

// launch runs a program in the background, until the test does something to it.
func (m *machine) launch(program, command string, args ...string) *process.Process {
	m.t.Helper()
	m.logs++
	p, err := process.Start(program, m.command(program, command, args...), filepath.Join(m.dir, fmt.Sprintf("%s-%d.log", program, m.logs)))
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

// start runs a program in the background; when the test ends it is told to
// stop and must do so without an error.
func (m *machine) start(program, command string, args ...string) {
	m.t.Helper()
	p := m.launch(program, command, args...)
	m.t.Cleanup(func() {
		if err := p.Terminate(); err != nil {
			log, _ := os.ReadFile(p.LogFile)
			m.t.Errorf("%v\n%s", err, log)
		}
	})
}

// run runs a program to its end and returns what it wrote to stdout.
func (m *machine) run(program, command string, args ...string) string {
	m.t.Helper()
	c := m.command(program, command, args...)
	var output, errors bytes.Buffer
	c.Stdout, c.Stderr = &output, &errors
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
	for deadline := time.Now().Add(patience); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("waited in vain until %s", what)
		}
	}
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
