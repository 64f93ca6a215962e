package endtoend_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"purchases/analytics/internal/testkit/cluster"
)

const (
	embedded = "embedded"
	apache   = "kafka"
)

// suite is what all tests share.
type suite struct {
	// binaries is the folder of the three programs, built as people build them:
	// the race detector, which every package has in its own tests, would make
	// the full sample take minutes.
	binaries string
	// mortal builds the processor and analytics with their crash points and
	// returns the folder.
	mortal func() (string, error)
	// shared is the real cluster, or nil when each test has an embedded broker.
	shared *cluster.Cluster

	chaos chaosOptions
	bench benchOptions
	api   apiOptions

	clients string // folder of the programs that TestClients needs
	connect string // folder of Kafka Connect, for TestConnect
}

// current belongs to TestMain, which no test can be handed anything by.
var current suite

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) (code int) {
	kind := flag.String("cluster", embedded,
		"run on an `embedded` broker, on a real kafka of three, or on the one at HOST:PORT,...")
	flag.DurationVar(&current.chaos.duration, "chaos", 0, "run TestChaos for `DURATION`")
	flag.Uint64Var(&current.chaos.seed, "seed", uint64(rand.Uint32()), "of the choices of TestChaos")
	flag.DurationVar(&current.bench.load, "load", 10*time.Second, "`DURATION` of the load of BenchmarkLoad")
	flag.IntVar(&current.bench.requests, "requests", 1000, "`NUMBER` a second in that load")
	flag.StringVar(&current.api.tester, "api-tester", "", "run TestAPI with the programs in `FOLDER`")
	flag.StringVar(&current.api.seed, "api-seed", "1", "of the requests of TestAPI")
	flag.StringVar(&current.clients, "clients", "", "run TestClients with the programs in `FOLDER`")
	flag.StringVar(&current.connect, "connect", "", "run TestConnect with Kafka Connect in `FOLDER`")
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
	if err := build(s.binaries, "purchases/producer", "purchases/processor", "purchases/analytics"); err != nil {
		return err
	}
	s.mortal = sync.OnceValues(func() (string, error) {
		folder := filepath.Join(dir, "mortal")
		return folder, build(folder, "-tags=crashpoints", "purchases/processor", "purchases/analytics")
	})
	// No test is served at the default address, where somebody may be at work.
	if err := os.Setenv("ANALYTICS_HTTP", ""); err != nil {
		return err
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

func build(folder string, args ...string) error {
	if out, err := exec.Command("go", append([]string{"build", "-o", folder + "/"}, args...)...).
		CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
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
