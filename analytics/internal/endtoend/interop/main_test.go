// Package interop runs the programs, as people run them, with a real schema registry
// and messages of Confluent's own serializers, on the embedded broker and on Apache
// Kafka.
package interop

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"purchases/analytics/internal/testkit/cluster"
)

const (
	partitions = 2               // of each topic
	patience   = 4 * time.Minute // for what must happen without further doing
	poll       = 20 * time.Millisecond
)

// suite is what the tests share.
type suite struct {
	dir, binaries string
	registry      *apicurio
	// brokers are the two clusters by name.
	brokers map[string]*cluster.Cluster
}

var (
	python = flag.String("python", "", "`INTERPRETER` with Confluent's serializers; empty skips these tests")
	// shared belongs to TestMain, which no test can be handed anything by.
	shared = sync.OnceValues(newSuite)
	opened *suite
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	opened.close(code == 0)
	os.Exit(code)
}

// onEach runs the test on each kind of broker, with topics of its own.
func onEach(t *testing.T, test func(*shop)) {
	if *python == "" {
		t.Skip("NOT TESTED here: a real schema registry and Confluent's serializers, run make test-registry")
	}
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	t.Parallel() // most of the time the tests wait
	for name, brokers := range s.brokers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newShop(t, s, brokers))
		})
	}
}

// newSuite starts the registry and both kinds of broker, at the same time.
func newSuite() (*suite, error) {
	dir, err := os.MkdirTemp("", "purchases-interop")
	if err != nil {
		return nil, err
	}
	opened = &suite{dir: dir, binaries: filepath.Join(dir, "bin"), brokers: map[string]*cluster.Cluster{}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var embedded, apache *cluster.Cluster
	var starts errgroup.Group
	starts.Go(func() (err error) { opened.registry, err = startApicurio(ctx, dir); return err })
	starts.Go(func() (err error) { apache, err = cluster.Apache(ctx, filepath.Join(dir, "kafka")); return err })
	starts.Go(func() (err error) { embedded, err = opened.startEmbedded(ctx); return err })
	err = starts.Wait()
	for name, started := range map[string]*cluster.Cluster{"embedded": embedded, "apache": apache} {
		if started != nil {
			opened.brokers[name] = started
		}
	}
	return opened, err
}

// startEmbedded builds the programs and starts the broker that one of them has.
func (s *suite) startEmbedded(ctx context.Context) (*cluster.Cluster, error) {
	build := exec.CommandContext(ctx, "go", "build", "-o", s.binaries+"/",
		"purchases/producer", "purchases/processor", "purchases/analytics")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return cluster.Embedded(ctx, filepath.Join(s.binaries, "producer"), s.dir)
}

func (s *suite) close(passed bool) {
	if s == nil {
		return
	}
	for _, brokers := range s.brokers {
		_ = brokers.Close()
	}
	if s.registry != nil {
		s.registry.Kill()
	}
	if !passed {
		fmt.Fprintf(os.Stderr, "the logs of the registry and the brokers are kept in %s\n", s.dir)
		return
	}
	_ = os.RemoveAll(s.dir)
}
