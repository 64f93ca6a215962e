package endtoend_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"purchases/processor/enriched"
)

// expire deletes all records of the events' topic.
func (l *someLog) expire() {
	l.t.Helper()
	for _, p := range l.cluster.PartitionInfos(enriched.Topic) {
		if err := l.cluster.DeleteRecords(enriched.Topic, p.Partition, p.HighWatermark); err != nil {
			l.t.Fatal(err)
		}
	}
}

// says runs the program to its end and returns what it wrote to both streams.
func (l *someLog) says(args ...string) string {
	l.t.Helper()
	out, err := l.program(args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

func want(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got %s\nwant %q in it", text, part)
		}
	}
}

func TestGapIsRefusedThenAcceptedThenShownForEver(t *testing.T) {
	log := newLog(t, 100)
	path := filepath.Join(t.TempDir(), "a.db")
	log.says("run", "--drain", "--db", path)
	log.send(100)
	log.expire()
	log.send(50)
	if err := failed(log.drainCommand(path),
		"expired before they were read; run `analytics run --on-gap accept` to continue without them and record the gap"); err != nil {
		t.Error(err)
	}
	if err := failed(log.program("verify", "--db", path),
		"is consistent but does not agree with Kafka: 2 differences"); err != nil {
		t.Error(err)
	}
	want(t, log.says("run", "--drain", "--db", path, "--on-gap", "accept"),
		"offsets expired before they were read, which is recorded as a gap component=ingest partition=analytics/0")
	want(t, log.says("status", "--db", path),
		"100 offsets expired or could not be read, and are missing from the statistics; `analytics query gaps` lists them")
	want(t, log.says("query", "gaps", "--db", path, "--output", "csv"), "\nanalytics,0,", "\nanalytics,1,")
	want(t, log.says("verify", "--db", path), "verified: 150 events and 0 rejected records", "Kafka agrees")
	want(t, log.says("run", "--drain", "--db", path))
	want(t, log.says("status", "--db", path, "--output", "csv"), "high_watermark,lag,last_event,stored_at,missing")
}

func TestOnGapIsRefuseOrAccept(t *testing.T) {
	c := exec.Command(filepath.Join(current.binaries, "analytics"), "run", "--on-gap", "ignore", "--db",
		filepath.Join(t.TempDir(), "a.db"))
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 2 {
		t.Errorf("exit code %d, want 2", c.ProcessState.ExitCode())
	}
	want(t, string(out), `--on-gap "ignore": it is refuse or accept`)
}

func TestVerifyAgainstAnotherCluster(t *testing.T) {
	log, other := newLog(t, 10), newLog(t, 20)
	path := filepath.Join(t.TempDir(), "a.db")
	log.says("run", "--drain", "--db", path)
	out, err := other.program("verify", "--db", path).CombinedOutput()
	if err == nil {
		t.Fatalf("verified with another cluster: %s", out)
	}
	want(t, string(out), "Kafka: topic \"analytics\": the database was built from another log")
}

func TestVerifyWithoutKafka(t *testing.T) {
	log := newLog(t, 10)
	path := filepath.Join(t.TempDir(), "a.db")
	log.says("run", "--drain", "--db", path)
	log.cluster.Close()
	out := log.says("verify", "--db", path)
	want(t, out, "verified: 10 events and 0 rejected records agree with the statistics in ",
		"not compared with Kafka: connect to Kafka at ")
	if strings.Contains(out, "Kafka agrees") {
		t.Errorf("a broker that is away agrees: %s", out)
	}
}

// sendBomb sends a batch of some kilobytes that would fill the memory.
func (l *someLog) sendBomb() {
	l.t.Helper()
	config := l.settings().Config()
	config.Producer.MaxMessageBytes, config.Producer.Compression = 80<<20, sarama.CompressionZSTD
	l.publishWith(config, []*sarama.ProducerMessage{
		{Topic: enriched.Topic, Value: sarama.StringEncoder(strings.Repeat(" ", 70<<20))},
	})
}

func TestUnreadableBatchIsRefusedThenAcceptedThenKept(t *testing.T) {
	t.Parallel()
	log := newLog(t, 100)
	log.sendBomb()
	log.send(50)
	path := filepath.Join(t.TempDir(), "a.db")
	want(t, log.says1("run", "--drain", "--db", path), "analytics/", "cannot be read: ",
		"run `analytics run --on-gap accept` to skip it")
	want(t, log.says("run", "--drain", "--db", path, "--on-gap", "accept"),
		"a batch cannot be read, which is recorded as a gap")
	if err := log.hasAll(path); err != nil {
		t.Error(err)
	}
	gaps := log.rows(path, "gaps")
	want(t, log.says("replay", "--yes", "--db", path), " 0 differences")
	if after := log.rows(path, "gaps"); fmt.Sprint(after) != fmt.Sprint(gaps) || len(gaps) != 1 {
		t.Errorf("gaps %v, before they were %v", after, gaps)
	}
	want(t, log.says("verify", "--db", path), "verified: 150 events")
	want(t, log.says("status", "--db", path, "--output", "csv"), ",0,")
}
