package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

const (
	brokers   = 3
	clusterID = "cHVyY2hhc2VzLXRlc3RzMA"
)

// Apache starts a real Apache Kafka with its data in dir: three brokers that
// are controllers too, three replicas of everything, of which two must be in
// sync. Any one of them may be lost.
func Apache(ctx context.Context, dir string) (*Cluster, error) {
	run, err := newJVM(ctx)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(4 * brokers)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Replicas: brokers}
	var formats errgroup.Group
	for i := range brokers {
		b, properties, err := newBroker(run, dir, i, ports)
		if err != nil {
			return nil, err
		}
		c.Brokers = append(c.Brokers, b)
		c.Addresses = append(c.Addresses, b.Address)
		formats.Go(func() error { return run.format(ctx, properties) })
	}
	if err := formats.Wait(); err != nil {
		return nil, err
	}
	return c, c.start(ctx)
}

func newBroker(run jvm, dir string, i int, ports []int) (b *Broker, properties string, err error) {
	name := fmt.Sprintf("kafka-%d", i+1)
	home := filepath.Join(dir, name)
	properties, err = write(home, "server.properties", config(i, ports, home))
	return &Broker{
		Address: loopback(ports[i]), Inner: loopback(ports[2*brokers+i]), Outer: loopback(ports[3*brokers+i]), name: name,
		logFile: filepath.Join(home, "server.log"),
		command: func() *exec.Cmd { return run.command("kafka.Kafka", properties) },
	}, properties, err
}

// write makes a file of a broker's, and its folder.
func write(dir, name, content string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("configure the broker: %w", err)
	}
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("configure the broker: %w", err)
	}
	return path, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// config is what differs from Kafka's defaults. A broker that is lost is
// missed after six seconds and not nine, and internal topics have few
// partitions, so that a short test sees more.
func config(i int, ports []int, home string) string {
	var voters []string
	for n := range brokers {
		voters = append(voters, fmt.Sprintf("%d@%s", nodeID(n), loopback(ports[brokers+n])))
	}
	return fmt.Sprintf(`node.id=%d
process.roles=broker,controller
controller.quorum.voters=%s
listeners=PLAINTEXT://%s,CONTROLLER://%s,INNER://%s
advertised.listeners=PLAINTEXT://%s,INNER://%s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,INNER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=%s
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=6
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=6
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=6000
`, nodeID(i), strings.Join(voters, ","), loopback(ports[i]), loopback(ports[brokers+i]), loopback(ports[2*brokers+i]),
		loopback(ports[i]), loopback(ports[3*brokers+i]), filepath.Join(home, "data"))
}

// jvm starts Java programs.
type jvm struct {
	java, classPath string
	options         []string // besides those that all have
}

func newJVM(ctx context.Context) (jvm, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return jvm{}, errors.New("java is missing, which runs Apache Kafka: install a JRE of version 17 or later, such as " +
			"by apt-get install default-jre-headless")
	}
	jars, err := jars(ctx)
	return jvm{java: java, classPath: filepath.Join(jars, "*")}, err
}

// command keeps each JVM small: three of them share the machine with the rest.
func (j jvm) command(class string, args ...string) *exec.Cmd {
	return exec.Command(j.java, slices.Concat([]string{
		"-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
		"-Dorg.apache.logging.log4j.level=WARN", "-cp", j.classPath,
	}, j.options, []string{class}, args)...)
}

// format gives a broker's data directory the cluster's id and features, and
// what else the arguments say.
func (j jvm) format(ctx context.Context, properties string, args ...string) error {
	args = append([]string{"format", "--cluster-id", clusterID, "--config", properties}, args...)
	output, err := j.command("kafka.tools.StorageTool", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("format the storage of Apache Kafka: %w: %s", err, output)
	}
	return ctx.Err()
}
