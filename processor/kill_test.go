package main

import (
	"bufio"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
	"purchases/producer/purchase"
)

// process is a processor of its own, started from the test's binary.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func startProcess(t *testing.T, broker *kfake.Cluster, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), self)}
	p.Args = append([]string{"processor", "run"}, args...)
	p.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+broker.ListenAddrs()[0])
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(stderr)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// patience is how long a process may take to log what a test expects.
const patience = time.Minute

// expect reads the log up to a line with one of the texts, and returns it. A
// process that does not log it in time is killed, which fails the test.
func (p *process) expect(t *testing.T, texts ...string) string {
	t.Helper()
	defer time.AfterFunc(patience, func() { _ = p.Process.Kill() }).Stop()
	var log []string
	for p.lines.Scan() {
		line := p.lines.Text()
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) }) {
			return line
		}
		log = append(log, line)
	}
	t.Fatalf("the processor did not log one of %q, but\n%s", texts, strings.Join(log, "\n"))
	return ""
}

// end sends the signal and returns the exit code.
func (p *process) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for p.lines.Scan() { // Wait may close the pipe only after it is read
	}
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

func TestKilledProcessorIsReplacedAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	broker, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(8, purchase.Topic, enriched.Topic, deadletter.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	first := startProcess(t, broker)
	first.expect(t, "assigned")
	first.end(t, os.Kill)

	begun := time.Now()
	second := startProcess(t, broker)
	second.expect(t, "assigned")
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the restart took %s; it must not wait for the killed one's session to expire", took)
	}
	if code := second.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, want 0 for a service that is stopped", code)
	}
	if info := broker.GroupInfo("processor"); len(info.Members) != 0 {
		t.Errorf("a processor that was stopped is still a member: %+v", info.Members)
	}
}

func TestInterruptedDrain(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	broker, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(1, purchase.Topic, enriched.Topic, deadletter.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	produceOne(t, broker)
	drain := startProcess(t, broker, "--drain", "--linger", "1m")
	drain.expect(t, "assigned")
	if code := drain.end(t, os.Interrupt); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

func produceOne(t *testing.T, broker *kfake.Cluster) {
	t.Helper()
	config := kafka.Settings{}.Config()
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(broker.ListenAddrs(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: purchase.Topic,
		Value: sarama.StringEncoder("x")}); err != nil {
		t.Fatal(err)
	}
}
