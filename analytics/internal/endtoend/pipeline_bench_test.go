package endtoend_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"purchases/producer/sample"
	"purchases/producer/testkit/measure"
)

const pipelineRounds = 2

// stage is one program's part of the pipeline, and what it has taken so far.
type stage struct {
	name    string
	command []string
	events  int
	work    measure.Work
	peak    int64 // bytes
}

// BenchmarkPipeline takes purchases through the three programs as they are
// built for use, one after the other, starts and ends included, and reports what
// each of them took: first the sample, then as many generated ones as the
// environment asks for.
func BenchmarkPipeline(b *testing.B) {
	count := measure.Events(b)
	for _, source := range []*stage{
		{name: "sample/import", command: []string{"producer", "import", "--sample"}, events: sample.Rows},
		{name: "generated/generate", command: []string{"producer", "generate", "--count", strconv.Itoa(count)},
			events: count},
	} {
		kind := source.name[:len(source.name)-len(source.command[1])]
		stages := []*stage{
			source,
			{name: kind + "process", command: []string{"processor", "run", "--drain"}, events: source.events},
			{name: kind + "store", command: []string{"analytics", "run", "--drain"}, events: source.events},
			{name: kind + "query", command: []string{"analytics", "query", "top-items"}, events: 1},
		}
		for range pipelineRounds {
			m := newMachine(b)
			for _, s := range stages {
				s.run(m)
			}
		}
		for _, s := range stages {
			b.Run(s.name, s.report)
		}
	}
}

func (s *stage) run(m *machine) {
	m.t.Helper()
	c := m.command(s.command[0], s.command[1], s.command[2:]...)
	took, peak := m.timed(c)
	s.work.Wall += took
	s.work.CPU += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	s.work.Events += int64(s.events)
	s.peak = max(s.peak, peak)
}

// report prints what is measured already: the number of iterations means nothing.
func (s *stage) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(s.peak>>20), "peak-MB")
	if s.events == 1 {
		b.ReportMetric(float64(s.work.Wall.Milliseconds())/float64(s.work.Events), "ms/query")
		return
	}
	b.ReportMetric(s.work.Rate(), "events/s")
	b.ReportMetric(s.work.CPUPerMillion(), "cpu-s/Mevents")
}

// timed runs the command to its end, and says how long that took and what memory.
func (m *machine) timed(c *exec.Cmd) (took time.Duration, peak int64) {
	m.t.Helper()
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	began := time.Now()
	if err := c.Start(); err != nil {
		m.t.Fatalf("%v: %v", c.Args, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				m.t.Fatalf("%v: %v\n%s", c.Args, err, output.String())
			}
			return time.Since(began), peak
		case <-ticker.C:
			peak = max(peak, peakMemory(c.Process.Pid))
		}
	}
}

// peakMemory is the most bytes that a running process has had in memory so far,
// as Linux has it. What wait(2) tells counts those of the parent, too.
func peakMemory(pid int) (bytes int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone when the process is
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(line, &bytes)
	return bytes << 10
}
