package endtoend_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/database"
	"purchases/processor/enriched"
)

// drained is a log of which the database at path has all.
func drained(t *testing.T, events int) (l *someLog, path string) {
	t.Helper()
	l = newLog(t, events)
	path = filepath.Join(t.TempDir(), "a.db")
	if err := l.drain(path); err != nil {
		t.Fatal(err)
	}
	return l, path
}

func TestReplayWhileEverythingRuns(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 2000)
	l.live(path)
	l.send(300)
	kept := filepath.Join(t.TempDir(), "kept.db")
	want(t, l.says("replay", "--yes", "--db", path, "--keep-old", kept), "the new database is in use: ", " 0 differences")
	l.send(300)
	l.becomesRight(path)
	if target, err := os.Readlink(path); err != nil || target != "a.db.2" {
		t.Errorf("the path leads to %q, %v", target, err)
	}
	if err := isRight(t.Context(), kept); err != nil || l.stored(kept) < 2000 {
		t.Errorf("the old database that was kept has %d records: %v", l.stored(kept), err)
	}
	want(t, l.says("replay", "--yes", "--db", path), "the rate of the last replay", "built in  "+path+".3")
	l.becomesRight(path)
	replays := l.rows(path, "replays")
	if len(replays) != 2 || replays[0][0] != "2" || replays[0][2] != "in place" ||
		replays[1][7] != fmt.Sprint(l.sent-300) {
		t.Errorf("the query replays says %q", replays)
	}
}

func TestReplayMakesGoodWhatIsWrong(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 500)
	change(t, path, `UPDATE stats_total SET revenue_micros = revenue_micros + 1, purchases = purchases - 2`)
	out := l.says1("replay", "--check-only", "--yes", "--db", path)
	want(t, out, "2 differences between the current database and the new one",
		"purchases        GBP       498  500           2")
	if _, err := os.Stat(path + ".2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a check leaves %s.2: %v", path, err)
	}
	want(t, l.says("replay", "--yes", "--db", path), "2 differences")
	if err := l.hasAll(path); err != nil {
		t.Error(err)
	}
	want(t, l.says("replay", "--check-only", "--yes", "--db", path), "the current database equals the new one")
	results := []string{}
	for _, r := range l.rows(path, "replays") {
		results = append(results, r[2])
	}
	if fmt.Sprint(results) != "[same in place different]" {
		t.Errorf("the query replays says %v", results)
	}
}

// crash runs the program until it dies at the point, and returns what it said.
func (l *someLog) crash(at string, args ...string) string {
	l.t.Helper()
	c := l.program(args...)
	doom(l.t, c, at)
	out, _ := c.CombinedOutput()
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		l.t.Fatalf("%v: %s, want that it dies at the crash point\n%s", args, c.ProcessState, out)
	}
	return string(out)
}

// wantOneDatabase wants no replaced or unfinished one beside it.
func wantOneDatabase(t *testing.T, path string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		return strings.HasSuffix(f, "-wal") || strings.HasSuffix(f, "-shm") || f == path+".lock"
	})
	if len(files) != 2 || files[0] != path || files[1] != database.ResolvePath(path) {
		t.Errorf("the folder has %q, and %s leads to %s", files, path, database.ResolvePath(path))
	}
}

func TestReplayGoesOnFromWhatWasBuilt(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 400)
	l.crash("analytics.commit.before", "replay", "--yes", "--db", path)
	want(t, l.crash("replay.built", "replay", "--yes", "--db", path), "resuming after the 0 records")
	again := l.crash("replay.built", "replay", "--yes", "--db", path)
	want(t, again, "resuming after the 400 records that an interrupted replay stored")
	want(t, l.crash("replay.built", "replay", "--yes", "--keep-missing", "--db", path),
		"starting from scratch, because an interrupted replay had another plan")
	spoil(t, path+".2", "internal_replays") // as a power cut may
	want(t, l.crash("replay.built", "replay", "--yes", "--db", path),
		"starting from scratch, because the file of an interrupted replay cannot be read")
	l.send(10)
	// The program with crash points is another one than this.
	want(t, l.says("replay", "--yes", "--keep-missing", "--db", path), "starting from scratch, because",
		"another plan or program")
	if err := l.hasAll(path); err != nil {
		t.Error(err)
	}
	wantOneDatabase(t, path)
}

func TestReplayOfADamagedDatabase(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 500)
	spoil(t, path, "internal_topics")
	want(t, l.says("replay", "--yes", "--db", path), "compared  with nothing: the current database cannot be read",
		"the new database is in use")
	if err := l.hasAll(path); err != nil {
		t.Error(err)
	}
}

// trim deletes the first records of each partition of the events.
func (l *someLog) trim(records int64) (events int) {
	l.t.Helper()
	for _, p := range l.cluster.PartitionInfos(enriched.Topic) {
		if err := l.cluster.DeleteRecords(enriched.Topic, p.Partition, min(records, p.HighWatermark)); err != nil {
			l.t.Fatal(err)
		}
		events += int(min(records, p.HighWatermark))
	}
	return events
}

func TestReplayOfALogThatHasExpiredInPart(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 500)
	gone := l.trim(70)
	const sources = `SELECT topic, partition, block, hex(results) FROM internal_sources ORDER BY 1, 2, 3`
	before := l.says("sql", "--db", path, "--output", "csv", sources)
	out := l.says1("replay", "--yes", "--db", path)
	want(t, out, fmt.Sprintf("the log has lost %d of the stored records", gone), "pass --keep-missing",
		"analytics              0    70  250                  70")
	for _, point := range []string{"analytics.commit.before", "replay.carried", "replay.built"} {
		l.crash(point, "replay", "--yes", "--keep-missing", "--db", path)
	}
	want(t, l.says("replay", "--yes", "--keep-missing", "--db", path), fmt.Sprintf("%d taken over, 0 differences", gone),
		fmt.Sprintf("%d records read", 500-gone))
	if err := l.hasAll(path); err != nil {
		t.Error(err)
	}
	if gaps := l.rows(path, "gaps"); len(gaps) > 0 {
		t.Errorf("gaps %v, and nothing is missing", gaps)
	}
	if after := l.says("sql", "--db", path, "--output", "csv", sources); rowsOf(after) != rowsOf(before) ||
		!strings.Contains(before, "purchases") {
		t.Errorf("sources\n%s\nbefore they were\n%s", after, before)
	}
}

// rowsOf leaves out what a program says beside the rows.
func rowsOf(output string) string {
	var rows []string
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "analytics: ") {
			rows = append(rows, line)
		}
	}
	return strings.Join(rows, "")
}

// trimAll deletes every record of the events.
func (l *someLog) trimAll() { l.trim(1 << 40) }

// sendBroken sends records that are no events.
func (l *someLog) sendBroken(n int) {
	l.t.Helper()
	var messages []*sarama.ProducerMessage
	for i := range n {
		messages = append(messages, &sarama.ProducerMessage{Topic: enriched.Topic,
			Value: sarama.StringEncoder(fmt.Sprint("broken ", i))})
	}
	l.publish(messages)
}

// A database with a gap, duplicates and rejected records is taken over as it was.
func TestReplayKeepsGapsDuplicatesAndRejections(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 300)
	l.sent = 0
	l.send(100) // again, which are duplicates
	l.sendBroken(20)
	l.says("run", "--drain", "--db", path)
	l.send(50)
	l.trimAll() // some of them before they were read
	l.send(50)
	l.says("run", "--drain", "--on-gap", "accept", "--db", path)
	before, gaps := l.rows(path, "summary"), l.rows(path, "gaps")
	want(t, l.says("replay", "--yes", "--keep-missing", "--db", path), " 0 differences")
	if after := l.rows(path, "summary"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("summary %v, before it was %v", after, before)
	}
	if after := l.rows(path, "gaps"); fmt.Sprint(after) != fmt.Sprint(gaps) || len(gaps) == 0 {
		t.Errorf("gaps %v, before they were %v", after, gaps)
	}
	if err := isRight(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestReplayRefusesAnotherLog(t *testing.T) {
	t.Parallel()
	_, path := drained(t, 50)
	other := newLog(t, 60)
	want(t, other.says1("replay", "--yes", "--db", path), "the database was built from another log")
	if _, err := os.Stat(path + ".2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s.2: %v", path, err)
	}
}

func TestReplayAsks(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 50)
	c := l.program("replay", "--db", path)
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 2 {
		t.Errorf("exit code %d, want 2", c.ProcessState.ExitCode())
	}
	want(t, string(out), "records   50 at most", "pass --yes to skip the prompt")
	for _, usage := range [][]string{{"--keep-old", path, "--check-only"}, {"--keep-old", path}, {"now"}} {
		c := l.program(append([]string{"replay", "--yes", "--db", path}, usage...)...)
		if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != 2 {
			t.Errorf("%v: exit code %d, want 2\n%s", usage, c.ProcessState.ExitCode(), out)
		}
	}
}

func TestRebuildRollups(t *testing.T) {
	t.Parallel()
	l, path := drained(t, 500)
	want(t, l.says("rebuild-rollups", "--check-only", "--yes", "--db", path), "the current database equals the new one")
	change(t, path, `UPDATE stats_item_day SET revenue_micros = revenue_micros + 1 WHERE day = (SELECT min(day) FROM
		stats_item_day);
		UPDATE stats_total SET users = users + 1`)
	want(t, l.says1("rebuild-rollups", "--check-only", "--yes", "--db", path), "stats_item_day against what it sums up: ",
		"differences between the current database and the new one")
	l.live(path)
	l.send(100)
	want(t, l.says("rebuild-rollups", "--yes", "--db", path), "the new database is in use")
	l.send(100)
	l.becomesRight(path)
}

// A full or failing disk under the new database leaves the old one as it is.
func TestReplayOnAFailingDisk(t *testing.T) {
	t.Parallel()
	library := buildFailIO(t)
	l, old := drained(t, 300)
	replay := func(path string, f fault) *exec.Cmd {
		c := l.program("replay", "--yes", "--db", path)
		c.Env = append(c.Env, f.env(library, path)...)
		c.Env = append(c.Env, "FAILIO_PATH="+filepath.Base(path)+".2")
		return c
	}
	path := copyOf(t, old)
	if out, err := replay(path, fault{}).CombinedOutput(); err != nil {
		t.Fatalf("a replay without a fault: %v\n%s", err, out)
	}
	count, err := os.Stat(filepath.Join(filepath.Dir(path), "count"))
	if err != nil || count.Size() < 20 {
		t.Fatalf("%d writes were seen (%v): the library does not work", count.Size(), err)
	}
	const tried = 12
	for i := range tried {
		f := fault{errno: []syscall.Errno{syscall.EIO, syscall.ENOSPC}[i%2], at: 1 + i*int(count.Size())/tried}
		path := copyOf(t, old)
		out, _ := replay(path, f).CombinedOutput()
		if err := l.hasAll(path); err != nil {
			t.Errorf("%v from write %d: %v\n%s", f.errno, f.at, err, out)
		}
		l.says("replay", "--yes", "--db", path)
		if err := l.hasAll(path); err != nil {
			t.Errorf("a replay after %v from write %d: %v", f.errno, f.at, err)
		}
		wantOneDatabase(t, path)
	}
}
