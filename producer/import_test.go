package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/producer/cmdline"
	"purchases/producer/purchase"
)

// startBroker returns the address of a broker that ends with the test.
func startBroker(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, purchase.Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}

// readTopic returns the values of each partition, in order.
func readTopic(t *testing.T, address string) map[int32][]string {
	t.Helper()
	client, err := sarama.NewClient([]string{address}, sarama.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = consumer.Close() }()
	partitions, err := client.Partitions(purchase.Topic)
	if err != nil {
		t.Fatal(err)
	}
	values := map[int32][]string{}
	for _, partition := range partitions {
		end, err := client.GetOffset(purchase.Topic, partition, sarama.OffsetNewest)
		if err != nil {
			t.Fatal(err)
		}
		values[partition] = readPartition(t, consumer, partition, end)
	}
	return values
}

func readPartition(t *testing.T, consumer sarama.Consumer, partition int32, end int64) (values []string) {
	t.Helper()
	if end == 0 {
		return nil
	}
	messages, err := consumer.ConsumePartition(purchase.Topic, partition, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = messages.Close() }()
	for m := range messages.Messages() {
		values = append(values, string(m.Value))
		if m.Offset == end-1 {
			break
		}
	}
	return values
}

func runProducer(ctx context.Context, stdin io.Reader, args ...string) (code int, stderr string) {
	var out, errs bytes.Buffer
	a := app()
	a.Reader = stdin
	code = cmdline.Run(ctx, a, append([]string{"producer"}, args...), &out, &errs)
	return code, errs.String()
}

func orders(count int) string {
	var b strings.Builder
	b.WriteString("user,item,quantity,timestamp\n")
	for n := range count {
		fmt.Fprintf(&b, "u%d,i,%d,2026-01-01T00:00:00Z\n", n%50, n)
	}
	return b.String()
}

func TestImportKeepsEachUsersOrder(t *testing.T) {
	const count = 20_000
	address := startBroker(t)
	code, stderr := runProducer(t.Context(), strings.NewReader(orders(count)), "import", "-", "--bootstrap-servers",
		address)
	if code != 0 || !strings.Contains(stderr, "20000 rows, 20000 events, 0 malformed, 20000 delivered") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	last, home, total := map[string]int64{}, map[string]int32{}, 0
	for partition, values := range readTopic(t, address) {
		for _, value := range values {
			event, err := purchase.Decode([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			if before, seen := last[event.User]; seen && (event.Quantity != before+50 || home[event.User] != partition) {
				t.Fatalf("%s: %d after %d, partition %d after %d", event.User, event.Quantity, before, partition, home[event.User])
			}
			last[event.User], home[event.User] = event.Quantity, partition
			total++
		}
	}
	if total != count {
		t.Errorf("%d messages for %d rows", total, count)
	}
}

// Ctrl-C in the middle: what was sent is there, and the second run brings the
// same ids again and the rest.
func TestInterruptedImportCanBeRepeated(t *testing.T) {
	const count = 3000
	address := startBroker(t)
	ctx, cancel := context.WithCancel(t.Context())
	text := orders(count)
	half := &stopping{Reader: strings.NewReader(text[:len(text)/2]), stop: cancel, ended: t.Context().Done()}
	code, stderr := runProducer(ctx, half, "import", "-", "--format", "csv", "--bootstrap-servers", address)
	if code != 130 || !strings.Contains(stderr, "producer: interrupted ") ||
		!strings.Contains(stderr, "nothing is counted twice") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	sent := deliveredOf(t, stderr)
	if stored := len(idsOf(t, address)); stored != sent {
		t.Errorf("%d rows sent, %d stored", sent, stored)
	}
	code, stderr = runProducer(t.Context(), strings.NewReader(text), "import", "-", "--bootstrap-servers", address)
	if ids := idsOf(t, address); code != 0 || len(ids) != count {
		t.Errorf("exit %d, %d ids for %d rows: %s", code, len(ids), count, stderr)
	}
}

// deliveredOf reads how many messages an import says were delivered.
func deliveredOf(t *testing.T, stderr string) (count int) {
	t.Helper()
	_, after, _ := strings.Cut(stderr, " malformed, ")
	if _, err := fmt.Sscanf(after, "%d delivered", &count); err != nil {
		t.Fatalf("%v in %s", err, stderr)
	}
	return count
}

// An import that is taken back leaves a retraction for each of its events, on
// the partition of the event.
func TestUndo(t *testing.T) {
	address := startBroker(t)
	file := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(file, []byte(orders(500)+orders(300)[len("user,item,quantity,timestamp\n"):]),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"import", file}, {"import", file, "--undo"}} {
		if code, stderr := runProducer(t.Context(), nil, append(args, "--bootstrap-servers", address)...); code != 0 ||
			deliveredOf(t, stderr) != 800 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
	}
	balance := map[string]int{}
	for partition, values := range readTopic(t, address) {
		for _, value := range values {
			event, err := purchase.Decode([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			identity := fmt.Sprint(partition, event.EventID, event.Timestamp)
			if event.Op == purchase.Retract {
				balance[identity]--
			} else {
				balance[identity]++
			}
		}
	}
	if len(balance) != 800 {
		t.Errorf("%d identities of 800 rows", len(balance))
	}
	for identity, rest := range balance {
		if rest != 0 {
			t.Fatalf("%s: %d more events than retractions", identity, rest)
		}
	}
}

// stopping calls stop where its text ends, and then blocks as a terminal does.
type stopping struct {
	io.Reader
	stop  func()
	ended <-chan struct{}
}

func (s *stopping) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		s.stop()
		<-s.ended
	}
	return n, err
}

func idsOf(t *testing.T, address string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, values := range readTopic(t, address) {
		for _, value := range values {
			event, err := purchase.Decode([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			ids[event.EventID] = true
		}
	}
	return ids
}

func TestImportCountsWhatIsNotDelivered(t *testing.T) {
	address := startBroker(t)
	rows := `{"user":"u1"}` + "\n" + `{"user":"` + strings.Repeat("u", purchase.MaxValue) + `"}` + "\n"
	code, stderr := runProducer(t.Context(), strings.NewReader(rows), "import", "-", "--bootstrap-servers", address)
	if code != 1 || !strings.Contains(stderr, "producer: stdin:2: its message would have") ||
		!strings.Contains(stderr, "2 rows, 1 events, 1 malformed, 1 delivered") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
