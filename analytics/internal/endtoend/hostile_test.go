package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	machineMemory = 1 << 30 // bytes that `analytics run` and all that it starts may use
	manyRows      = " FROM events a, events b, events c"
)

// hostileStatements hold a processor, memory or a disk for as long as they are
// let: while SQLite compiles, inside one function, in an aggregate, a sorter, a
// set, a window, a temporary table, a queue.
func hostileStatements() []string {
	compile := "WITH a(v) AS (SELECT quantity FROM events)"
	for name := 'b'; name <= 'y'; name++ {
		compile += fmt.Sprintf(", %c(v) AS (SELECT v + v FROM %c)", name, name-1)
	}
	return []string{
		compile + " SELECT v FROM y",
		"WITH s(x, y) AS MATERIALIZED (SELECT replace(hex(zeroblob(60000)), '0', 'c'), replace(hex(zeroblob(10000)), '00', " +
			"'dd') || 'c') SELECT " +
			strings.Repeat("length(rtrim(x, y)) + ", 40) + "length(ltrim(x, y)) FROM s",
		"SELECT length(json_group_array(hex(zeroblob(120000)))), length(group_concat(hex(zeroblob(120000))))" + manyRows,
		"SELECT x FROM (SELECT hex(randomblob(100000)) AS x" + manyRows + ") ORDER BY x LIMIT 1 OFFSET 100000",
		"SELECT count(DISTINCT zeroblob(200000) || random())" + manyRows,
		"SELECT sum(length(x)) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM (SELECT " +
			"zeroblob(200000) AS x, a.quantity AS n" + manyRows + ")",
		"WITH m AS MATERIALIZED (SELECT zeroblob(250000) AS x" + manyRows + ") SELECT count(*) FROM m",
		"WITH RECURSIVE r(n, x) AS (SELECT 1, zeroblob(250000) UNION ALL SELECT n + 1, zeroblob(250000) FROM r) SELECT n " +
			"FROM r ORDER BY x",
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
	}
}

// While strangers run the worst statements, events are stored as they come,
// built-in queries are answered, and all of it fits a small machine's memory.
func TestHostileStatementsBesideAnIngest(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.start("processor", "run")
	run := m.start("analytics", "run", "--http", "127.0.0.1:0")
	m.logged(run, " url=http://", 1)
	_, url, _ := strings.Cut(run.Log(), " url=")
	url, _, _ = strings.Cut(url, "/ ")
	generate := m.launch("producer", "generate", "--rate", "2000")
	defer generate.Kill()
	m.until("events are stored", func() bool { return m.stored() > 4000 })

	watch := watchMemory(run.Pid())
	canned := askWhile(url+"/api/v1/queries/top-items?by=revenue", func() { attack(t, url+"/api/v1/sql") })
	peak := watch()
	if canned.err != nil || canned.answers == 0 {
		t.Errorf("built-in queries: %d answers, %v", canned.answers, canned.err)
	}
	before := m.stored()
	m.until("storing continues", func() bool { return m.stored() > before })
	t.Logf("%d built-in answers, the slowest after %s; memory up to %d MiB", canned.answers, canned.slowest, peak>>20)
	if peak > machineMemory || peak == 0 && runtime.GOOS == "linux" {
		t.Errorf("memory of all processes was up to %d MiB", peak>>20)
	}
}

// attack has two clients send all statements at the same time.
func attack(t *testing.T, url string) {
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			for _, statement := range hostileStatements() {
				body, _ := json.Marshal(map[string]string{"sql": statement})
				response, err := http.Post(url, "application/json", bytes.NewReader(body))
				if err != nil {
					t.Errorf("%.40s: %v", statement, err)
					continue
				}
				text, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusUnprocessableEntity {
					t.Errorf("%.40s: %s %.200s", statement, response.Status, text)
				}
			}
		})
	}
	clients.Wait()
}

// asked is what came of asking again and again.
type asked struct {
	answers int
	slowest time.Duration
	err     error
}

// askWhile asks a built-in query until work is done.
func askWhile(url string, work func()) (a asked) {
	done := make(chan struct{})
	go func() { work(); close(done) }()
	for {
		select {
		case <-done:
			return a
		case <-time.After(poll):
		}
		started := time.Now()
		response, err := http.Get(url)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s", response.Status)
		}
		if err != nil {
			a.err = err
			continue
		}
		a.answers++
		a.slowest = max(a.slowest, time.Since(started))
	}
}

// watchMemory looks at a process and its children until stop, which returns the
// most memory that they had at a time; 0 where the system does not say.
func watchMemory(pid int) (stop func() (peak int64)) {
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		var peak int64
		for {
			select {
			case <-done:
				result <- peak
				return
			case <-time.After(poll):
				peak = max(peak, residentMemory(pid))
			}
		}
	}()
	return func() int64 { close(done); return <-result }
}

// residentMemory is that of a process and its children, in bytes.
func residentMemory(pid int) (bytes int64) {
	statuses, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range statuses {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var of, parent, kib int64
		for line := range strings.Lines(string(text)) {
			_, _ = fmt.Sscanf(line, "Pid: %d", &of)
			_, _ = fmt.Sscanf(line, "PPid: %d", &parent)
			_, _ = fmt.Sscanf(line, "VmRSS: %d", &kib)
		}
		if of == int64(pid) || parent == int64(pid) {
			bytes += kib << 10
		}
	}
	return bytes
}
