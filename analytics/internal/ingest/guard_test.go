package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/processor/enriched"
)

// oldCopy returns a cluster that has lost what came after its first 50 events,
// and a database that had stored 100.
func oldCopy(t *testing.T) (*kfake.Cluster, *database.Database) {
	t.Helper()
	dir, old := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "old")
	c := newCluster(t, kfake.DataDir(dir))
	sendEvents(newTransactor(t, c), 0, 50)
	c.Close()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c = newCluster(t, kfake.DataDir(dir))
	sendEvents(newTransactor(t, c), 50, 100)
	db := newDatabase(t)
	drain(t, c, db)
	c.Close()
	return newCluster(t, kfake.DataDir(old)), db
}

func TestTruncatedLogIsRefused(t *testing.T) {
	t.Parallel()
	c, db := oldCopy(t)
	refused(t, c, db, "the log ends at", "truncated", "analytics run --db NEW.db")
}

func TestLogThatGrewAgainIsRefused(t *testing.T) {
	t.Parallel()
	c, db := oldCopy(t)
	sendEvents(newTransactor(t, c), 1000, 2000)
	refused(t, c, db, "truncated and has grown again", "analytics run --db NEW.db")
	refusedWith(t, c, db, func(c *ingest.Config) { c.AcceptGaps = true }, "truncated and has grown again")
}

// The record's place may be taken by a transaction that nobody can read yet.
func TestLogThatGrewAgainByAnOpenTransactionIsRefused(t *testing.T) {
	t.Parallel()
	c, db := oldCopy(t)
	w := newTransactor(t, c)
	var list []*sarama.ProducerMessage
	for n := 1000; n < 2000; n++ {
		list = append(list, event(t, n))
	}
	if err := errors.Join(w.producer.BeginTxn(), w.producer.SendMessages(list)); err != nil {
		t.Fatal(err)
	}
	refused(t, c, db, "truncated and has grown again")
}

// expire deletes all records that the events' topic has.
func expire(t *testing.T, c *kfake.Cluster) {
	t.Helper()
	for _, p := range c.PartitionInfos(enriched.Topic) {
		if err := c.DeleteRecords(enriched.Topic, p.Partition, p.HighWatermark); err != nil {
			t.Fatal(err)
		}
	}
}

func accept(c *ingest.Config) { c.AcceptGaps = true }

func drainWith(t *testing.T, c *kfake.Cluster, db *database.Database, change func(*ingest.Config)) {
	t.Helper()
	cfg := config(c)
	change(&cfg)
	if err := ingest.Run(t.Context(), db, cfg); err != nil {
		t.Fatal(err)
	}
}

func TestExpiredRecordsAreAcceptedOnRequest(t *testing.T) {
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 50)
	db := newDatabase(t)
	drain(t, c, db)
	stored := count(t, db, `SELECT sum(next_offset) FROM internal_partitions WHERE topic = 'analytics'`)
	sendEvents(w, 50, 500)
	expire(t, c)
	sendEvents(w, 500, 600)
	drainWith(t, c, db, accept)
	wantCount(t, db, 150, `SELECT count(*) FROM events`)
	wantCount(t, db, partitions, `SELECT count(*) FROM gaps WHERE topic = 'analytics'`)
	missing := count(t, db, `SELECT sum(to_offset - from_offset + 1) FROM gaps`)
	if first := count(t, db, `SELECT sum(from_offset) FROM gaps`); first != stored {
		t.Errorf("the gaps begin at offsets of the sum %d, want %d", first, stored)
	}
	if missing < 450 {
		t.Errorf("%d offsets are missing, 450 records are", missing)
	}
	drain(t, c, db) // the gap is behind it
	wantCount(t, db, missing, `SELECT sum(to_offset - from_offset + 1) FROM gaps`)
}

func TestLogWithoutItsFirstRecordsIsAGapFromTheStart(t *testing.T) {
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 100)
	expire(t, c)
	sendEvents(w, 100, 150)
	db := newDatabase(t)
	drain(t, c, db)
	wantCount(t, db, 50, `SELECT count(*) FROM events`)
	wantCount(t, db, partitions, `SELECT count(*) FROM gaps WHERE from_offset = 0`)
}

// storing starts a run that continues, and waits until it has stored n records.
func storing(t *testing.T, ctx context.Context, c *kfake.Cluster, db *database.Database, n int,
	change func(*ingest.Config)) (stored chan int, done chan error) {
	t.Helper()
	cfg := config(c)
	cfg.Drain = false
	change(&cfg)
	stored, done = make(chan int, 1000), make(chan error, 1)
	cfg.Stored = func(chunks []batch.Chunk) { stored <- batch.Records(chunks) }
	go func() { done <- ingest.Run(ctx, db, cfg) }()
	await(t, ctx, stored, n)
	return stored, done
}

// overtake lets records come and expire while the readers cannot read.
func overtake(t *testing.T, c *kfake.Cluster, w *transactor) {
	t.Helper()
	away := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: enriched.Topic, Err: kerr.LeaderNotAvailable,
		Count: -1})
	sendEvents(w, 100, 200)
	expire(t, c)
	sendEvents(w, 200, 250)
	away.Remove()
}

func TestRetentionThatOvertakesAReaderIsRefused(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, db := newCluster(t), newDatabase(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 100)
	_, done := storing(t, ctx, c, db, 100, func(*ingest.Config) {})
	overtake(t, c, w)
	if err := <-done; err == nil ||
		!strings.Contains(err.Error(), "expired before they were read; run `analytics run --on-gap accept`") {
		t.Errorf("the run ended with %v", err)
	}
	wantCount(t, db, 0, `SELECT count(*) FROM gaps`)
}

func TestRetentionThatOvertakesAReaderIsAcceptedOnRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, db := newCluster(t), newDatabase(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 100)
	stored, done := storing(t, ctx, c, db, 100, accept)
	overtake(t, c, w)
	await(t, ctx, stored, 50)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantCount(t, db, 150, `SELECT count(*) FROM events`)
	wantCount(t, db, partitions, `SELECT count(*) FROM gaps`)
	wantCount(t, db, 0, `SELECT count(*) FROM internal_partitions p JOIN gaps g USING (topic, partition)
		WHERE g.to_offset >= p.next_offset OR EXISTS (SELECT 1 FROM events e WHERE e.partition = g.partition AND e.offset
		BETWEEN g.from_offset AND g.to_offset)`)
}

func TestTopicThatIsRecreatedDuringARunIsRefused(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, db := newCluster(t), newDatabase(t)
	sendEvents(newTransactor(t, c), 0, 100)
	_, done := storing(t, ctx, c, db, 100, func(*ingest.Config) {})
	if err := errors.Join(c.DeleteTopic(enriched.Topic), c.CreateTopic(enriched.Topic, partitions, nil)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ingest.ErrOtherLog) || !strings.Contains(err.Error(), "deleted and recreated") {
		t.Errorf("the run ended with %v", err)
	}
}

// A leader that has the same log is no reason to stop.
func TestRunGoesOnUnderAnotherLeader(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, db := newCluster(t, kfake.NumBrokers(2)), newDatabase(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 100)
	stored, done := storing(t, ctx, c, db, 100, func(*ingest.Config) {})
	for _, p := range c.PartitionInfos(enriched.Topic) {
		if err := c.MoveTopicPartition(enriched.Topic, p.Partition, 1-p.Leader); err != nil {
			t.Fatal(err)
		}
	}
	sendEvents(newTransactor(t, c), 100, 200)
	await(t, ctx, stored, 100)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantCount(t, db, 200, `SELECT count(*) FROM events`)
}

// A broker with an old copy of the log takes the leader's place during a run,
// and the log grows past what was read of it.
func TestLogThatGrowsAgainDuringARunIsRefused(t *testing.T) {
	t.Parallel()
	dir, old := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "old")
	options := []kfake.Opt{kfake.NumBrokers(2), kfake.Ports(freePort(t), freePort(t)), kfake.DataDir(dir)}
	c := newCluster(t, options...)
	sendEvents(newTransactor(t, c), 0, 50)
	c.Close()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c = newCluster(t, options...)
	sendEvents(newTransactor(t, c), 50, 100)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db := newDatabase(t)
	_, done := storing(t, ctx, c, db, 100, func(*ingest.Config) {})
	c.Close()
	c = newCluster(t, append(options, kfake.DataDir(old))...)
	for _, p := range c.PartitionInfos(enriched.Topic) {
		if err := c.MoveTopicPartition(enriched.Topic, p.Partition, 1-p.Leader); err != nil { // raises the epoch
			t.Fatal(err)
		}
	}
	sendEvents(newTransactor(t, c), 1000, 2000)
	if err := <-done; !errors.Is(err, ingest.ErrOtherLog) {
		t.Errorf("the run ended with %v", err)
	}
}

// A leader that was paused, and deposed meanwhile, says for a moment that its
// log ends where it ended then.
func TestDeposedLeaderIsAskedAgain(t *testing.T) {
	t.Parallel()
	c, db := newCluster(t), newDatabase(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 100)
	drain(t, c, db)
	sendEvents(w, 100, 200)
	asked := 0
	c.ControlKey(kmsg.ListOffsets.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		request := r.(*kmsg.ListOffsetsRequest)
		if part := request.Topics[0].Partitions[0]; part.Timestamp != sarama.OffsetNewest ||
			request.Topics[0].Topic != enriched.Topic {
			return nil, nil, false
		}
		asked++
		if asked <= partitions || asked > partitions+2 { // the drain's end; after that it knows
			return nil, nil, false
		}
		return endsAt(request, 1), nil, true
	})
	drain(t, c, db)
	wantCount(t, db, 200, `SELECT count(*) FROM events`)
	if asked < partitions+2 {
		t.Errorf("the log's end was asked for %d times only", asked)
	}
}

// endsAt answers that the log ends there.
func endsAt(request *kmsg.ListOffsetsRequest, offset int64) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ListOffsetsResponse)
	topic := kmsg.NewListOffsetsResponseTopic()
	topic.Topic = request.Topics[0].Topic
	partition := kmsg.NewListOffsetsResponseTopicPartition()
	partition.Partition, partition.Offset = request.Topics[0].Partitions[0].Partition, offset
	topic.Partitions = append(topic.Partitions, partition)
	response.Topics = append(response.Topics, topic)
	return response
}

func TestInspectFindsWhatARunRefuses(t *testing.T) {
	t.Parallel()
	c, db := oldCopy(t)
	client, err := settings(c).Connect(t.Context(), settings(c).Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	refusals, err := ingest.Inspect(t.Context(), db, client)
	if err != nil || len(refusals) == 0 || !errors.Is(refusals[0], ingest.ErrOtherLog) {
		t.Errorf("Inspect = %v, %v", refusals, err)
	}
}

// A compacted log may have lost the last stored record without harm.
func TestCompactedLogGoesOnWithAWarning(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	policy := "compact"
	alterTopic(t, c, map[string]*string{"cleanup.policy": &policy})
	w := newTransactor(t, c)
	sendEvents(w, 0, 50)
	db := newDatabase(t)
	drain(t, c, db)
	for n := 0; n < 50; n += 10 { // the same keys again
		sendEvents(w, 50+n, 60+n)
	}
	c.Compact()
	var logged bytes.Buffer
	drainWith(t, c, db, func(c *ingest.Config) { c.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	if !strings.Contains(logged.String(), "the last stored record is no longer in the log") {
		t.Errorf("logged %q", logged.String())
	}
	if n := count(t, db, `SELECT count(*) FROM events`); n <= 50 {
		t.Errorf("%d events after the compaction", n)
	}
}

func alterTopic(t *testing.T, c *kfake.Cluster, entries map[string]*string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(c.ListenAddrs(), settings(c).Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	if err := admin.AlterConfig(sarama.TopicResource, enriched.Topic, entries, false); err != nil {
		t.Fatal(err)
	}
}
