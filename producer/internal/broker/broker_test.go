package broker_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"purchases/producer/internal/broker"
	"purchases/producer/internal/publish"
	"purchases/producer/kafka"
)

const topic = "purchases"

func config(dir string) broker.Config {
	return broker.Config{
		Listen: "127.0.0.1:0", DataDir: dir, Topics: []string{topic, "analytics"}, Partitions: 8,
		Log: slog.New(slog.DiscardHandler),
	}
}

func start(t *testing.T, c broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func stop(t *testing.T, b *broker.Broker) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// state is what a restart must not change.
type state struct {
	clusterID string
	topicID   sarama.Uuid
	last      map[int32]int64
}

func look(t *testing.T, address string) state {
	t.Helper()
	settings := kafka.Settings{Bootstrap: []string{address}}
	client, err := settings.Connect(t.Context(), settings.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	last, err := kafka.LastRecords(client, topic)
	if err != nil {
		t.Fatal(err)
	}
	node := client.LeastLoadedBroker()
	_ = node.Open(client.Config())
	metadata, err := node.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	return state{clusterID: *metadata.ClusterID, topicID: metadata.Topics[0].Uuid, last: last}
}

func publishSome(t *testing.T, address string, n int) {
	t.Helper()
	p, err := publish.Open(t.Context(), kafka.Settings{Bootstrap: []string{address}}, topic)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := p.Send(t.Context(), fmt.Append(nil, i), []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantEqual(t *testing.T, got, want state) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after the restart %v, before %v", got, want)
	}
}

func records(s state) (n int64) {
	for _, offset := range s.last {
		n += offset + 1
	}
	return n
}

func TestARestartKeepsEverything(t *testing.T) {
	c := config(t.TempDir())
	first := start(t, c)
	publishSome(t, first.Addr(), 500)
	before := look(t, first.Addr())
	stop(t, first)

	second := start(t, c)
	defer stop(t, second)
	wantEqual(t, look(t, second.Addr()), before)
	if records(before) != 500 || len(before.last) != 8 {
		t.Errorf("%d records in %d partitions", records(before), len(before.last))
	}
}

func TestAKilledBrokerKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	first := startProcess(t, dir, 0)
	publishSome(t, first.address, 500)
	before := look(t, first.address)
	first.kill()

	b := start(t, config(dir))
	defer stop(t, b)
	wantEqual(t, look(t, b.Addr()), before)
	wantKept(t, dir, 0)
	publishSome(t, b.Addr(), 100)
	if got := records(look(t, b.Addr())); got != 600 {
		t.Errorf("%d records, want 600", got)
	}
}

func TestEachDirectoryIsItsOwnCluster(t *testing.T) {
	a, b := start(t, config(t.TempDir())), start(t, config(t.TempDir()))
	defer stop(t, a)
	defer stop(t, b)
	if one, two := look(t, a.Addr()), look(t, b.Addr()); one.clusterID == two.clusterID || one.topicID == two.topicID {
		t.Errorf("two clusters look alike: %v, %v", one, two)
	}
}

func TestTopicsThatAreMissingAreCreated(t *testing.T) {
	c := config(t.TempDir())
	stop(t, start(t, c))
	c.Topics = append(c.Topics, "late")
	b := start(t, c)
	defer stop(t, b)
	settings := kafka.Settings{Bootstrap: []string{b.Addr()}}
	client, err := settings.Connect(t.Context(), settings.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if partitions, err := kafka.Partitions(client, "late"); err != nil || len(partitions) != 8 {
		t.Errorf("partitions %v, %v", partitions, err)
	}
}

func TestStartErrors(t *testing.T) {
	c := config(t.TempDir())
	b := start(t, c)
	defer stop(t, b)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		listen, dir string
		want        []string
	}{
		"directory in use": {"127.0.0.1:0", c.DataDir,
			[]string{c.DataDir, fmt.Sprint("process ", os.Getpid()), "--data-dir"}},
		"address in use": {b.Addr(), t.TempDir(), []string{b.Addr(), "in use", "--listen"}},
		"not loopback":   {"0.0.0.0:0", t.TempDir(), []string{"loopback"}},
		"no address":     {"nonsense", t.TempDir(), []string{"nonsense"}},
		"a file":         {"127.0.0.1:0", file, []string{file}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(tt.dir)
			c.Listen = tt.listen
			second, err := broker.Start(t.Context(), c)
			if err == nil {
				stop(t, second)
				t.Fatal("it started")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

// A start that fails releases the directory.
func TestAFailedStartLeavesNoLock(t *testing.T) {
	c := config(t.TempDir())
	c.Listen = "nonsense"
	if _, err := broker.Start(t.Context(), c); err == nil {
		t.Fatal("it started")
	}
	c.Listen = "127.0.0.1:0"
	stop(t, start(t, c))
}
