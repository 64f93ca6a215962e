package ingest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/database"
	"purchases/analytics/internal/ingest"
	"purchases/processor/enriched"
)

// sendBomb sends a batch of some kilobytes that would fill the memory.
func sendBomb(t *testing.T, c *kfake.Cluster, partition int32) (offset int64) {
	t.Helper()
	cfg := settings(c).Config()
	cfg.Producer.MaxMessageBytes = 80 << 20
	cfg.Producer.Compression = sarama.CompressionZSTD
	cfg.Producer.Partitioner = sarama.NewManualPartitioner
	cfg.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(c.ListenAddrs(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	_, offset, err = producer.SendMessage(&sarama.ProducerMessage{
		Topic: enriched.Topic, Partition: partition, Value: sarama.StringEncoder(strings.Repeat(" ", 70<<20)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return offset
}

// Records, some of them aborted, stand before the bomb and behind it, and in
// other partitions.
func TestCompressionBombIsSkippedAsAGap(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 300)
	db := newDatabase(t)
	drain(t, c, db)
	sendEvents(w, 300, 400)
	w.send(false, event(t, 9000), event(t, 9001), event(t, 9002))
	offset := sendBomb(t, c, 1)
	sendEvents(w, 400, 600)
	wantBombSkipped(t, c, db, offset)
	wantCount(t, db, 600, `SELECT count(*) FROM events`)
}

func TestCompressionBombAtTheEnd(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	sendEvents(newTransactor(t, c), 0, 300)
	offset := sendBomb(t, c, 1)
	db := newDatabase(t)
	wantBombSkipped(t, c, db, offset)
	wantCount(t, db, 300, `SELECT count(*) FROM events`)
	drain(t, c, db) // which compares the log with what was read before the bomb
}

func wantBombSkipped(t *testing.T, c *kfake.Cluster, db *database.Database, offset int64) {
	t.Helper()
	where := fmt.Sprintf("analytics/1: the batch with offsets %d to %[1]d cannot be read", offset)
	err := ingest.Run(t.Context(), db, config(c))
	if err == nil || !strings.Contains(err.Error(), where) || !strings.Contains(err.Error(), "--on-gap accept") {
		t.Errorf("got %v, want %q", err, where)
	}
	cfg := config(c)
	cfg.AcceptGaps = true
	if err := ingest.Run(t.Context(), db, cfg); err != nil {
		t.Fatal(err)
	}
	wantCount(t, db, 1, fmt.Sprintf(`SELECT count(*) FROM gaps
		WHERE topic = 'analytics' AND partition = 1 AND from_offset = %d AND to_offset = %[1]d`, offset))
	wantCount(t, db, 1, `SELECT count(*) FROM gaps`)

	again := newDatabase(t)
	cfg = config(c)
	cfg.KnownGap = func(p batch.Partition, from, next int64) bool {
		return p.Partition == 1 && from == offset && next == offset+1
	}
	if err := ingest.Run(t.Context(), again, cfg); err != nil {
		t.Error(err)
	}
	wantCount(t, again, 1, `SELECT count(*) FROM gaps`)
}
