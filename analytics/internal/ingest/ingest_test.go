package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

const partitions = 3

func newCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, enriched.Topic, deadletter.Topic)},
		opts...)
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func settings(c *kfake.Cluster) kafka.Settings { return kafka.Settings{Bootstrap: c.ListenAddrs()} }

func openDatabase(t testing.TB, path string) *database.Database {
	t.Helper()
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newDatabase(t *testing.T) *database.Database {
	return openDatabase(t, filepath.Join(t.TempDir(), "analytics.db"))
}

func config(c *kfake.Cluster) ingest.Config {
	return ingest.Config{
		Kafka: settings(c), Topics: ingest.DefaultTopics, Group: "analytics",
		Drain: true, Log: slog.New(slog.DiscardHandler),
	}
}

func drain(t *testing.T, c *kfake.Cluster, db *database.Database) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := ingest.Run(ctx, db, config(c)); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("the drain did not end")
	}
}

// transactor writes to the cluster in transactions, as the processor does.
type transactor struct {
	t        testing.TB
	producer sarama.SyncProducer
}

func newTransactor(t testing.TB, c *kfake.Cluster) *transactor {
	t.Helper()
	cfg := settings(c).Config()
	cfg.Net.MaxOpenRequests = 1
	cfg.Producer.Idempotent = true
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	cfg.Producer.Return.Successes = true
	cfg.Producer.Transaction.ID = "test"
	producer, err := sarama.NewSyncProducer(c.ListenAddrs(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	return &transactor{t, producer}
}

func (w *transactor) send(commit bool, messages ...*sarama.ProducerMessage) {
	w.t.Helper()
	end := w.producer.AbortTxn
	if commit {
		end = w.producer.CommitTxn
	}
	if err := errors.Join(w.producer.BeginTxn(), w.producer.SendMessages(messages), end()); err != nil {
		w.t.Fatal(err)
	}
}

// event returns the message of the nth event, which the user u<n%10> made.
func event(t testing.TB, n int) *sarama.ProducerMessage {
	t.Helper()
	price := purchase.Micros(1_500_000)
	e, err := enriched.Enrich(purchase.Event{
		User: fmt.Sprintf("u%d", n%10), Item: "item", ItemName: "An item",
		Timestamp: time.UnixMilli(1_700_000_000_000 + int64(n)),
		Quantity:  2, UnitPrice: &price, Currency: "GBP", Attributes: map[string]string{"country": "France"},
	}, enriched.Source{Topic: purchase.Topic, Offset: int64(n)}, purchase.DerivedID("", 0, int64(n)), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	value, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &sarama.ProducerMessage{Topic: enriched.Topic, Key: sarama.ByteEncoder(e.Key()),
		Value: sarama.ByteEncoder(value)}
}

func sendEvents(w *transactor, from, to int) {
	w.t.Helper()
	var list []*sarama.ProducerMessage
	for n := from; n < to; n++ {
		list = append(list, event(w.t, n))
	}
	w.send(true, list...)
}

func letter(n int) *sarama.ProducerMessage {
	l := deadletter.Letter{
		Reason: purchase.MissingUser, Detail: "user is absent", Stage: "validate", EventID: fmt.Sprint("letter-", n),
		RecordID: purchase.TextID(fmt.Sprint("letter-", n)),
		Source:   enriched.Source{Topic: purchase.Topic, Offset: int64(n)}, Value: []byte(`{"item":"x"}`),
	}
	return l.Message(deadletter.Topic)
}

func count(t *testing.T, db *database.Database, query string) (n int) {
	t.Helper()
	if err := db.Get(&n, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func wantCount(t *testing.T, db *database.Database, want int, query string) {
	t.Helper()
	if got := count(t, db, query); got != want {
		t.Errorf("%s = %d, want %d", query, got, want)
	}
}

func TestDrainStoresCommittedRecordsOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 500)
	w.send(false, event(t, 9000), event(t, 9001))
	w.send(true, letter(1), letter(2), event(t, 500))
	w.send(false, letter(9), event(t, 9002)) // the logs end with what nobody may see
	db := newDatabase(t)

	drain(t, c, db)
	drain(t, c, db) // nothing more to do
	wantCount(t, db, 501, `SELECT count(*) FROM events`)
	wantCount(t, db, 501, `SELECT purchases FROM stats_total`)
	wantCount(t, db, 10, `SELECT users FROM stats_total`)
	wantCount(t, db, 2, `SELECT records FROM stats_rejected WHERE reason = 'missing_user'`)

	sendEvents(w, 501, 600)
	drain(t, c, db)
	wantCount(t, db, 600, `SELECT count(*) FROM events`)
	wantCount(t, db, 0, `SELECT count(*) FROM duplicates`)
}

// A queue that is nearly always full pauses partitions all the time.
func TestBacklogPassesThroughASmallQueue(t *testing.T) {
	c := newCluster(t)
	w := newTransactor(t, c)
	for n := 0; n < 8000; n += 2000 {
		sendEvents(w, n, n+2000)
	}
	db := newDatabase(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := ingest.RunWithBudget(ctx, db, config(c), 128<<10); err != nil || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	wantCount(t, db, 8000, `SELECT purchases FROM stats_total`)
	wantCount(t, db, 0, `SELECT count(*) FROM duplicates`)
}

func TestUnreadableRecordsAreRecorded(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	w.send(true,
		&sarama.ProducerMessage{Topic: enriched.Topic, Value: sarama.StringEncoder("not json")},
		&sarama.ProducerMessage{Topic: enriched.Topic, Value: nil},
		&sarama.ProducerMessage{Topic: deadletter.Topic, Value: sarama.StringEncoder("no headers")})
	db := newDatabase(t)
	drain(t, c, db)
	wantCount(t, db, 2, `SELECT records FROM stats_rejected WHERE reason = 'invalid_enriched_event'`)
	wantCount(t, db, 1, `SELECT records FROM stats_rejected WHERE reason = 'invalid_dead_letter'`)
}

func TestEventThatReachesTheLogTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 50)
	sendEvents(w, 0, 50)
	db := newDatabase(t)
	drain(t, c, db)
	wantCount(t, db, 50, `SELECT purchases FROM stats_total`)
	wantCount(t, db, 50, `SELECT count(*) FROM duplicates`)
}

func TestLiveRunFindsNewPartitionsAndStopsCleanly(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 20)
	db := newDatabase(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := config(c)
	cfg.Drain = false
	stored := make(chan int, 1000)
	cfg.Stored = func(chunks []batch.Chunk) { stored <- batch.Records(chunks) }
	done := make(chan error, 1)
	go func() { done <- ingest.Run(ctx, db, cfg) }()
	await(t, ctx, stored, 20)

	addPartition(t, c, partitions+1)
	w = newTransactor(t, c)
	sendEvents(w, 20, 200)
	await(t, ctx, stored, 180)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("a stopped run: %v", err)
	}
	wantCount(t, db, 200, `SELECT count(*) FROM events`)
	wantCount(t, db, partitions+1, `SELECT count(DISTINCT partition) FROM events`)
}

// await receives until n records are stored.
func await(t *testing.T, ctx context.Context, stored <-chan int, n int) {
	t.Helper()
	for n > 0 {
		select {
		case k := <-stored:
			n -= k
		case <-ctx.Done():
			t.Fatalf("%d records are missing", n)
		}
	}
}

func addPartition(t *testing.T, c *kfake.Cluster, n int32) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(c.ListenAddrs(), settings(c).Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	if err := admin.CreatePartitions(enriched.Topic, n, nil, false); err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, c *kfake.Cluster, db *database.Database, words ...string) {
	t.Helper()
	refusedWith(t, c, db, func(*ingest.Config) {}, words...)
}

// refusedWith wants a run to end with one line that has the words, and the
// database to be as before.
func refusedWith(t *testing.T, c *kfake.Cluster, db *database.Database, change func(*ingest.Config), words ...string) {
	t.Helper()
	const everything = `SELECT (SELECT count(*) FROM events) * 1000000 + (SELECT count(*) FROM internal_topics) * 10000
		+ (SELECT count(*) FROM gaps) * 1000 + ifnull((SELECT sum(next_offset + 1) FROM internal_partitions), 0)`
	before := count(t, db, everything)
	cfg := config(c)
	change(&cfg)
	err := ingest.Run(t.Context(), db, cfg)
	if err == nil {
		t.Fatal("the run was not refused")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q lacks %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
	wantCount(t, db, before, everything)
}

func TestAnotherClusterIsRefused(t *testing.T) {
	first := newCluster(t, kfake.ClusterID("one"))
	sendEvents(newTransactor(t, first), 0, 5)
	db := newDatabase(t)
	drain(t, first, db)
	second := newCluster(t, kfake.ClusterID("two"))
	sendEvents(newTransactor(t, second), 0, 50)
	refused(t, second, db, "cluster one", "cluster is two", "analytics run --db")
}

func TestRecreatedTopicIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	sendEvents(newTransactor(t, c), 0, 5)
	db := newDatabase(t)
	drain(t, c, db)
	if err := errors.Join(c.DeleteTopic(enriched.Topic), c.CreateTopic(enriched.Topic, partitions, nil)); err != nil {
		t.Fatal(err)
	}
	sendEvents(newTransactor(t, c), 5, 100)
	refused(t, c, db, "deleted and recreated", "--db")
}

func TestExpiredRecordsAreRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 50)
	db := newDatabase(t)
	drain(t, c, db)
	sendEvents(w, 50, 500)
	for p := range int32(partitions) {
		if err := c.DeleteRecords(enriched.Topic, p, c.PartitionInfo(enriched.Topic, p).HighWatermark); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, c, db, "expired before they were read", "analytics run --on-gap accept")
}

func TestMissingTopicIsNamed(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	refused(t, c, newDatabase(t), `topic "analytics"`, "does not exist")
}

func TestOffsetsAreShownToLagTools(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	sendEvents(newTransactor(t, c), 0, 100)
	db := newDatabase(t)
	drain(t, c, db)
	admin, err := sarama.NewClusterAdmin(c.ListenAddrs(), settings(c).Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	offsets, err := admin.ListConsumerGroupOffsets("analytics", map[string][]int32{enriched.Topic: {0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		want := count(t, db, fmt.Sprintf(`SELECT next_offset FROM internal_partitions WHERE topic = 'analytics' AND partition
			= %d`, p))
		if got := offsets.GetBlock(enriched.Topic, p).Offset; got != int64(want) {
			t.Errorf("partition %d: the group shows offset %d, %d is stored", p, got, want)
		}
	}
}
