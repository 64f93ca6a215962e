package endtoend_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purchases/analytics/internal/testkit/process"
)

const deployed = "../../../deploy/connect"

// figures is what each engine must say alike, of PostgreSQL's view sales.
const figures = `SELECT currency,
	count(*) FILTER (WHERE kind = 'purchase') AS purchases, count(*) FILTER (WHERE kind = 'return') AS returns,
	coalesce(sum(quantity) FILTER (WHERE quantity > 0), 0) AS units_sold,
	-coalesce(sum(quantity) FILTER (WHERE quantity < 0), 0) AS units_returned,
	coalesce(sum(amount_micros) FILTER (WHERE amount_micros > 0), 0) AS revenue_micros,
	-coalesce(sum(amount_micros) FILTER (WHERE amount_micros < 0), 0) AS refunds_micros,
	count(DISTINCT "user") AS users, count(DISTINCT item) AS items
	FROM sales GROUP BY currency ORDER BY currency`

// ownFigures is the same, of the statistics that analytics keeps.
const ownFigures = `SELECT currency, purchases, returns, units_sold, units_returned, revenue_micros, refunds_micros,
	users, items
	FROM overall_sales ORDER BY currency`

// TestConnect has Kafka Connect write the topic analytics into PostgreSQL and DuckDB
// read the database, by the files that docs/connect.md shows. Connect is killed while
// it works. Among the events are duplicates, conflicts, and an import that is taken
// back and made again. Both engines must count what analytics counts.
func TestConnect(t *testing.T) {
	if current.connect == "" {
		t.Skip("NOT TESTED: Kafka Connect and DuckDB, `make test-connect` does")
	}
	p := newPublished(t)
	sales := startPostgres(p)
	sales.execute(p.t, "-f", filepath.Join(deployed, "postgres.sql"))
	p.writeHistory()
	processor := p.launch("processor", "run", "--batch-size", "100")
	connect := p.connect(sales)
	p.until("the first events are in PostgreSQL", func() bool { return sales.events(t) > 0 })
	connect.Kill()
	t.Logf("Kafka Connect is killed after %d events", sales.events(t))
	connect = p.connect(sales)
	if err := processor.Terminate(); err != nil {
		t.Error(err)
	}
	p.run("processor", "run", "--drain")
	committed := p.count(p.events())()
	p.until(fmt.Sprintf("all %d events are in PostgreSQL, see %s", committed, connect.LogFile), func() bool {
		if connect.Says("Task is being killed") || !connect.Running() {
			t.Fatalf("Kafka Connect has given up, see %s", connect.LogFile)
		}
		return sales.events(t) >= committed
	})
	connect.Kill()

	p.run("analytics", "run", "--drain")
	p.start("analytics", "run")
	want := p.run("analytics", "sql", "--output", "csv", ownFigures)
	if got := sales.execute(t, "--csv", "-c", figures); got != want {
		t.Errorf("PostgreSQL says\n%swant\n%s", got, want)
	}
	if got := p.duckDB(); got != want {
		t.Errorf("DuckDB says\n%swant\n%s", got, want)
	}
}

// writeHistory publishes events of each kind that the topic may hold.
func (p *published) writeHistory() {
	p.t.Helper()
	p.publish(20_000)
	file := filepath.Join(p.dir, "shop.jsonl")
	const conflict = `{"event_id":"pay_1","user":"u","item":"mug","quantity":1,"amount":"2.50","currency":"EUR","timestamp":"2026-01-02T03:04:05Z"}
{"event_id":"pay_1","user":"u","item":"mug","quantity":3,"amount":"9.50","currency":"EUR","timestamp":"2026-01-02T03:04:05Z"}
`
	const quoted = `{"user":"ü","item":"Tür","quantity":-2,"amount":"7","currency":"EUR","timestamp":"2026-01-02T03:04:05.678+01:00",` +
		`"attributes":{"country":"a \"b\""}}` + "\n"
	if err := os.WriteFile(file, []byte(conflict+quoted), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.run("producer", "import", file)
	p.run("producer", "import", "--undo", file)
	p.run("producer", "import", file)
	p.run("producer", "import", "--source", "taken back", file)
	p.run("producer", "import", "--source", "taken back", "--undo", file)
}

// connect starts Kafka Connect with the files of deploy/connect, on the addresses
// of this test.
func (p *published) connect(to *postgres) *process.Process {
	p.t.Helper()
	worker := p.adapt("worker.properties",
		"=127.0.0.1:9092", "="+p.cluster.Bootstrap(),
		"/opt/connect", filepath.Join(current.connect, "plugins"),
		"/var/lib/connect/offsets", filepath.Join(p.dir, "offsets")+`
listeners=http://127.0.0.1:0
consumer.session.timeout.ms=6000
consumer.heartbeat.interval.ms=2000`)
	sink := p.adapt("postgres-sink.json",
		"127.0.0.1:5432", "127.0.0.1:"+to.port,
		`"topics": "analytics"`, fmt.Sprintf("%q: %q", "topics", p.events()),
		`"name": "purchases-postgres"`, fmt.Sprintf("%q: %q", "name", "purchases-postgres"+p.suffix))
	return p.launched("connect", exec.Command("java", "-Xmx512m", "-cp", filepath.Join(current.connect, "worker", "*"),
		"org.apache.kafka.connect.cli.ConnectStandalone", worker, sink))
}

// adapt copies one of the files, with other texts in the place of some. It fails on
// one that is not there.
func (p *published) adapt(name string, pairs ...string) (path string) {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(deployed, name))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !bytes.Contains(content, []byte(pairs[i])) {
			p.t.Fatalf("%s lacks %q", name, pairs[i])
		}
	}
	path = filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(string(content))), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// duckDB runs deploy/connect/duckdb.sql where data/analytics.db is.
func (p *published) duckDB() string {
	p.t.Helper()
	script, err := filepath.Abs("../../../.ci/connect/run_duckdb.py")
	if err != nil {
		p.t.Fatal(err)
	}
	statements := p.adapt("duckdb.sql")
	return output(p.t, p.dir, filepath.Join(current.connect+".python", "bin", "python"), script, statements)
}

// output runs a program to its end and returns what it wrote to stdout.
func output(t testing.TB, dir, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = dir
	out, err := c.Output()
	if err != nil {
		var failed *exec.ExitError
		_ = errors.As(err, &failed)
		t.Fatalf("%s %v: %v\n%s", program, args, err, failed.Stderr)
	}
	return string(out)
}

// postgres is a server of the test's own, with the database purchases.
type postgres struct{ port string }

func startPostgres(p *published) *postgres {
	p.t.Helper()
	dir, err := os.MkdirTemp("", "purchases-postgres")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	owner := ordinaryUser(p.t, dir)
	server := &postgres{port: freePort(p.t)}
	data := filepath.Join(dir, "data")
	initialize := exec.Command(postgresProgram(p.t, "initdb"), "-D", data, "--auth", "trust", "--username", "purchases",
		"--no-sync")
	initialize.SysProcAttr = owner
	if out, err := initialize.CombinedOutput(); err != nil {
		p.t.Fatalf("initdb: %v\n%s", err, out)
	}
	run := exec.Command(postgresProgram(p.t, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", server.port, "-k", dir)
	run.SysProcAttr = owner
	running := p.launched("postgres", run)
	p.t.Cleanup(func() { running.Kill() })
	p.logged(running, "ready to accept connections", 1)
	output(p.t, "", "psql", "-h", "127.0.0.1", "-p", server.port, "-U", "purchases", "-d", "postgres", "-c",
		"CREATE DATABASE purchases")
	return server
}

// ordinaryUser gives the folder to somebody who may run PostgreSQL: root may not.
func ordinaryUser(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	found, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// postgresProgram finds a program where Debian has it, which is not on the PATH.
func postgresProgram(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s is missing: install PostgreSQL, such as by apt-get install postgresql", name)
	}
	return found[len(found)-1]
}

func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (s *postgres) execute(t testing.TB, args ...string) string {
	t.Helper()
	connection := []string{"-h", "127.0.0.1", "-p", s.port, "-U", "purchases", "-d", "purchases", "-q", "-v",
		"ON_ERROR_STOP=1"}
	return output(t, "", "psql", append(connection, args...)...)
}

// events is how many records of the topic are in the table.
func (s *postgres) events(t testing.TB) int {
	t.Helper()
	count, err := strconv.Atoi(strings.TrimSpace(s.execute(t, "-At", "-c", "SELECT count(*) FROM events")))
	if err != nil {
		t.Fatal(err)
	}
	return count
}
