package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/internal/broker"
)

const (
	dirVariable   = "BROKER_TEST_DIR"
	limitVariable = "BROKER_TEST_LIMIT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve is the broker that a test kills, or that cannot write any more.
func serve(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	b, err := broker.Start(ctx, config(dir))
	if err != nil {
		return err
	}
	if err := limitFiles(os.Getenv(limitVariable)); err != nil {
		return err
	}
	fmt.Println(b.Addr())
	return errors.Join(b.Wait(ctx), b.Close())
}

// limitFiles makes each file full at so many bytes, as a full disk does: what
// still fits of a write is written.
func limitFiles(bytes string) error {
	limit, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil || limit == 0 {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // which else comes before the error
	var limits syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limits); err != nil {
		return err
	}
	limits.Cur = limit
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limits)
}

// process is a broker in a process of its own.
type process struct {
	t       *testing.T
	command *exec.Cmd
	stderr  bytes.Buffer
	address string
	*client
}

// startProcess starts a broker whose files have at most the given size, or any when it is 0.
func startProcess(t *testing.T, dir string, limit int) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &process{t: t, command: exec.CommandContext(ctx, os.Args[0])}
	p.command.Env = append(os.Environ(), dirVariable+"="+dir, fmt.Sprint(limitVariable, "=", limit))
	p.command.Stderr = &p.stderr
	out, err := p.command.StdoutPipe()
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(out, &p.address); err != nil {
		t.Fatal(err, p.command.Wait(), p.stderr.String())
	}
	p.client = connect(t, p.address)
	return p
}

func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

func (p *process) terminate() { _ = p.command.Process.Signal(syscall.SIGTERM) }

// client asks one question at a time, and none twice.
type client struct {
	t *testing.T
	*sarama.Broker
}

func connect(t *testing.T, address string) *client {
	t.Helper()
	c := sarama.NewConfig()
	c.Version = sarama.V2_6_0_0
	node := sarama.NewBroker(address)
	if err := node.Open(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return &client{t, node}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T, value T, err error) T {
	t.Helper()
	ok(t, err)
	return value
}

func refusal(code sarama.KError) error {
	if code == sarama.ErrNoError {
		return nil
	}
	return code
}

// produce adds a batch of one record to a partition and returns its offset.
func (c *client) produce(topic string, partition int32, value string) (int64, error) {
	now := time.Now()
	request := &sarama.ProduceRequest{Version: 3, RequiredAcks: sarama.WaitForAll, Timeout: 10_000}
	request.AddBatch(topic, partition, &sarama.RecordBatch{
		Version: 2, FirstTimestamp: now, MaxTimestamp: now, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		Records: []*sarama.Record{{Value: []byte(value)}},
	})
	response, err := c.Produce(request)
	if err != nil {
		return 0, err
	}
	block := response.GetBlock(topic, partition)
	return block.Offset, refusal(block.Err)
}

func (c *client) commit(partition int32, offset int64) error {
	request := &sarama.OffsetCommitRequest{
		Version: 7, ConsumerGroup: "group", ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	request.AddBlock(topic, partition, offset, 0, "")
	response, err := c.CommitOffset(request)
	if err != nil {
		return err
	}
	return refusal(response.Errors[topic][partition])
}

func (c *client) committed(partition int32) int64 {
	c.t.Helper()
	request := &sarama.OffsetFetchRequest{Version: 5, ConsumerGroup: "group"}
	request.AddPartition(topic, partition)
	response, err := c.FetchOffset(request)
	return must(c.t, response, err).GetBlock(topic, partition).Offset
}

// initProducer returns how often the transactional id was initialized before,
// as far as the broker knows: the producer's epoch.
func (c *client) initProducer(transactionalID string) (epoch int16, err error) {
	response, err := c.InitProducerID(&sarama.InitProducerIDRequest{
		Version: 1, TransactionalID: &transactionalID, TransactionTimeout: time.Minute,
	})
	if err != nil {
		return 0, err
	}
	return response.ProducerEpoch, refusal(response.Err)
}

func (c *client) createTopic(name string, settings map[string]*string) error {
	topic := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: settings}
	response, err := c.CreateTopics(&sarama.CreateTopicsRequest{
		Version: 1, Timeout: 10 * time.Second, TopicDetails: map[string]*sarama.TopicDetail{name: topic},
	})
	if err != nil {
		return err
	}
	return refusal(response.TopicErrors[name].Err)
}

func (c *client) topics() (names []string) {
	c.t.Helper()
	response, err := c.GetMetadata(&sarama.MetadataRequest{Version: 5})
	for _, found := range must(c.t, response, err).Topics {
		names = append(names, found.Name)
	}
	return names
}

// nextOffset is that of a partition's next record.
func (c *client) nextOffset(topic string, partition int32) int64 {
	c.t.Helper()
	request := &sarama.OffsetRequest{Version: 1}
	request.AddBlock(topic, partition, sarama.OffsetNewest, 1)
	response, err := c.GetAvailableOffsets(request)
	return must(c.t, response, err).GetBlock(topic, partition).Offset
}

// wantKept wants so many files with what was cut out of others.
func wantKept(t *testing.T, dir string, n int) {
	t.Helper()
	var kept []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.Contains(path, ".damaged-") {
			kept = append(kept, path)
		}
		return err
	})
	if err != nil || len(kept) != n {
		t.Errorf("damage is kept in %v, want %d files; %v", kept, n, err)
	}
}

// publishTransactions sends a record of a committed transaction, one of an
// aborted one, and one of none, all to partition 0.
func publishTransactions(t *testing.T, address string) {
	t.Helper()
	c := sarama.NewConfig()
	c.Version, c.Net.MaxOpenRequests = sarama.V2_6_0_0, 1
	c.Producer.RequiredAcks, c.Producer.Return.Successes = sarama.WaitForAll, true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Idempotent, c.Producer.Transaction.ID = true, "transactional"
	p, err := sarama.NewSyncProducer([]string{address}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	for _, end := range []func() error{p.CommitTxn, p.AbortTxn} {
		ok(t, p.BeginTxn())
		_, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("value")})
		ok(t, err)
		ok(t, end())
	}
	_, err = connect(t, address).produce(topic, 0, "value")
	ok(t, err)
}
