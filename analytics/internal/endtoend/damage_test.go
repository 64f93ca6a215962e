package endtoend_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
)

// A disk of 2 MB fills up, is read nevertheless, is made larger, and the run
// continues. In a namespace of its own anybody may mount one.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED on a small disk: no mount in a namespace here: %v %s", err, out)
	}
	log := newLog(t, 20_000)
	disk := t.TempDir()
	script := exec.Command("unshare", "-Urm", "sh", "-c", `
		mount -t tmpfs -o size=2m tmpfs "$DISK"
		$ANALYTICS run --drain --db "$DISK/a.db" 2>"$OUT/full.err"; echo "full: $?"
		$ANALYTICS query summary --db "$DISK/a.db" --output csv >"$OUT/summary.csv" 2>"$OUT/query.err"; echo "query: $?"
		$ANALYTICS verify --db "$DISK/a.db"; echo "verify: $?"
		mount -o remount,size=64m "$DISK"
		$ANALYTICS run --drain --db "$DISK/a.db" 2>"$OUT/again.err"; echo "again: $?"
		$ANALYTICS verify --db "$DISK/a.db"; echo "verify: $?"`)
	out := t.TempDir()
	script.Env = append(os.Environ(), "DISK="+disk, "OUT="+out, "ANALYTICS="+filepath.Join(current.binaries, "analytics"),
		"KAFKA_BOOTSTRAP_SERVERS="+log.bootstrap)
	var said bytes.Buffer
	script.Stdout, script.Stderr = &said, &said
	if err := script.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	for _, want := range []string{"full: 1", "query: 0", "verify: 0\nagain: 0",
		fmt.Sprintf("verified: %d events", log.sent)} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the script says\n%swant %q", said.String(), want)
		}
	}
	wantLine(t, filepath.Join(out, "full.err"),
		"a.db: the disk is full; stored data is intact; free some space and run `analytics run` to resume")
}

func wantLine(t *testing.T, file, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if !strings.Contains(lines[len(lines)-1], want) {
		t.Errorf("got %s\nwant %q in the last line", content, want)
	}
}

func TestDatabaseLockedByAnotherProgram(t *testing.T) {
	t.Parallel()
	log := newLog(t, 50)
	path := filepath.Join(t.TempDir(), "locked.db")
	if err := log.drain(path); err != nil {
		t.Fatal(err)
	}
	log.send(50)
	other, err := sqlx.Open("sqlite3", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	tx := other.MustBegin()
	if err := failed(log.drainCommand(path), "database "+path+
		": another program, such as a sqlite3 shell in a transaction, holds its write lock", "end that program and retry"); err != nil {
		t.Error(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := log.recovers(path); err != nil {
		t.Error(err)
	}
}

// spoil overwrites the start of a table's first page.
func spoil(t *testing.T, path, table string) {
	t.Helper()
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	var page int64
	err = db.Get(&page, `SELECT rootpage FROM sqlite_schema WHERE name = ?`, table)
	_ = db.Close()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xa5}, 512), (page-1)*4096); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedDatabase(t *testing.T) {
	log := newLog(t, 500)
	path := filepath.Join(t.TempDir(), "damaged.db")
	if err := log.drain(path); err != nil {
		t.Fatal(err)
	}
	log.send(500)
	spoil(t, path, "stats_quarter_hour")
	const damaged = "the file is damaged; check the disk, run `analytics verify` to list the damage, and `analytics " +
		"replay` to rebuild it from Kafka"
	if err := failed(log.drainCommand(path), "database "+path+": "+damaged); err != nil {
		t.Errorf("run: %v", err)
	}
	if err := failed(log.program("query", "sales-over-time", "--every", "hour", "--db", path), damaged); err != nil {
		t.Errorf("query: %v", err)
	}
	if err := failed(log.program("verify", "--db", path), "database "+path+" has "); err != nil {
		t.Errorf("verify: %v", err)
	}
	anew := filepath.Join(t.TempDir(), "new.db")
	if err := log.recovers(anew); err != nil {
		t.Errorf("a new database: %v", err)
	}
}

func TestFileThatIsNoDatabase(t *testing.T) {
	log := newLog(t, 1)
	path := filepath.Join(t.TempDir(), "letter.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("Dear reader, ", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []*exec.Cmd{log.drainCommand(path), log.program("verify", "--db", path),
		log.program("status", "--db", path)} {
		if err := failed(command, path+" is not a SQLite database; name another file with --db"); err != nil {
			t.Errorf("%v: %v", command.Args[1:], err)
		}
	}
}

func (l *someLog) program(args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(current.binaries, "analytics"), args...)
	c.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+l.bootstrap, "ANALYTICS_HTTP=")
	return c
}
