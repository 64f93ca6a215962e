package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"purchases/producer/kafka"
)

// unknown stands for what the user may not see.
const unknown = -1

// Report is what [Inspect] found.
type Report struct {
	// ClusterID, Version and Brokers describe the cluster. The version is what
	// the brokers' requests point to; they do not say it.
	ClusterID, Version string
	Brokers            []string
	// Login and Encryption are how the program got in.
	Login, Encryption string
	// Registry is how the schema registry stands, empty without one.
	Registry string
	Clock    Clock
	Topics   []TopicReport
	Needs    []Need
	// Problems keep the program from working, Notes do not.
	Problems, Notes []error
}

// TopicReport is about one topic. A number that is not known is -1.
type TopicReport struct {
	Name                                    string
	Partitions, Replicas, MinInSyncReplicas int
}

// Inspect connects and looks at everything that a program needs. Its error is
// that of a cluster that cannot be reached.
func Inspect(ctx context.Context, settings kafka.Settings, needs []Need) (*Report, error) {
	client, err := settings.Connect(ctx, settings.Config())
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	r := &Report{Needs: needs, Login: login(settings), Encryption: encryption(settings)}
	if err := r.addCluster(ctx, client, settings); err != nil {
		return nil, err
	}
	r.addUnreachable(ctx, settings)
	lacks, err := Missing(client, settings.User(), needs)
	if err != nil {
		return nil, err
	}
	for _, lack := range lacks {
		r.addLack(lack)
	}
	if r.Topics, err = Topics(client, topicsOf(needs)); err != nil {
		return nil, err
	}
	for _, topic := range r.Topics {
		r.addReplication(topic)
	}
	r.addOpenTransactions(client)
	r.addCoordinator(client)
	r.addRegistry(ctx, settings)
	return r, nil
}

func login(s kafka.Settings) string {
	switch {
	case s.SASL.Mechanism == "" && s.TLS != nil && len(s.TLS.Certificates) > 0:
		return s.User() + " by certificate"
	case s.SASL.Mechanism == "":
		return "none"
	case s.User() == "":
		return "by " + string(s.SASL.Mechanism)
	}
	return fmt.Sprintf("%s by %s", s.User(), s.SASL.Mechanism)
}

func encryption(s kafka.Settings) string {
	if s.TLS == nil {
		return "none"
	}
	return "TLS"
}

func (r *Report) addCluster(ctx context.Context, client sarama.Client, settings kafka.Settings) error {
	broker, err := kafka.AnyBroker(client)
	if err != nil {
		return fmt.Errorf("ask a broker: %w", err)
	}
	answer, err := broker.GetMetadata(sarama.NewMetadataRequest(client.Config().Version, nil))
	if err != nil {
		return fmt.Errorf("ask for the cluster: %w", err)
	}
	if answer.ClusterID != nil {
		r.ClusterID = *answer.ClusterID
	}
	for _, b := range answer.Brokers {
		r.Brokers = append(r.Brokers, b.Addr())
	}
	slices.Sort(r.Brokers)
	versions, err := broker.ApiVersions(&sarama.ApiVersionsRequest{})
	if err != nil {
		return fmt.Errorf("ask for the broker's version: %w", err)
	}
	r.Version = guess(versions)
	r.addClock(compareClocks(ctx, settings, broker.Addr(), versions))
	return nil
}

// guess is the Kafka version that serves the same requests. Brokers do not say
// theirs, and those of other makers serve a mixture.
func guess(versions *sarama.ApiVersionsResponse) string {
	response := kmsg.NewPtrApiVersionsResponse()
	for _, k := range versions.ApiKeys {
		response.ApiKeys = append(response.ApiKeys,
			kmsg.ApiVersionsResponseApiKey{ApiKey: k.ApiKey, MinVersion: k.MinVersion, MaxVersion: k.MaxVersion})
	}
	version := kversion.FromApiVersionsResponse(response).VersionGuess()
	if strings.HasPrefix(version, "v") || strings.HasPrefix(version, "at least v") {
		return "Kafka " + version + ", by its supported requests"
	}
	return "not an Apache Kafka version, by its supported requests"
}

// addUnreachable tries the addresses that the cluster gives to its clients.
// These, and not those that the user named, are what they work with.
func (r *Report) addUnreachable(ctx context.Context, settings kafka.Settings) {
	failures := make(chan error, len(r.Brokers))
	for _, address := range r.Brokers {
		one := settings
		one.Bootstrap = []string{address}
		go func() { failures <- one.Ping(ctx) }()
	}
	for range r.Brokers {
		if err := <-failures; err != nil {
			r.Problems = append(r.Problems,
				fmt.Errorf("a broker that the cluster advertises is unreachable: %w; check its advertised.listeners", err))
		}
	}
}

func (r *Report) addLack(err error) {
	if len(required([]error{err})) == 0 {
		r.Notes = append(r.Notes, err)
		return
	}
	r.Problems = append(r.Problems, err)
}

// openLimit is how long a transaction may be open: those of a processor take
// less than a second.
const openLimit = 10 * time.Second

// addOpenTransactions names the partitions in which one keeps this program from
// what stands behind it.
func (r *Report) addOpenTransactions(client sarama.Client) {
	for _, n := range r.Needs {
		if n.Kind != Topic || n.Operation != sarama.AclOperationRead {
			continue
		}
		partitions, err := kafka.Partitions(client, n.Name)
		if err != nil { // said with the lacks
			continue
		}
		for _, p := range partitions {
			if err := findOpen(client, n.Name, p); err != nil {
				r.Notes = append(r.Notes, err)
			}
		}
	}
}

func findOpen(client sarama.Client, topic string, partition int32) error {
	end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil {
		return nil // an unreachable leader has been said
	}
	pending, err := kafka.FindPending(client, topic, partition, end)
	if err != nil || !pending.Open || pending.Age(time.Now()) < openLimit {
		return nil
	}
	return fmt.Errorf("an open transaction blocks %s/%d from offset %d, since %s: "+
		"let its producer commit or abort, or find it with `kafka-transactions.sh find-hanging`",
		topic, partition, pending.Offset, pending.Since.UTC().Format(time.RFC3339))
}

// addReplication says what a topic's replication cannot do.
func (r *Report) addReplication(t TopicReport) {
	switch {
	case t.MinInSyncReplicas > t.Replicas:
		r.Problems = append(r.Problems,
			fmt.Errorf("topic %q has %d replicas and min.insync.replicas=%d: every write is refused; lower it, or add replicas",
				t.Name, t.Replicas, t.MinInSyncReplicas))
	case t.Replicas == 1 && len(r.Brokers) > 1:
		r.Notes = append(r.Notes, fmt.Errorf("topic %q has one replica: losing its broker loses its data", t.Name))
	case t.Replicas > 1 && t.MinInSyncReplicas == 1:
		r.Notes = append(r.Notes, fmt.Errorf("topic %q has min.insync.replicas=1: losing one broker can lose acknowledged "+
			"records; set 2", t.Name))
	case t.Replicas > 1 && t.Replicas == t.MinInSyncReplicas:
		r.Notes = append(r.Notes, fmt.Errorf("topic %q has as many replicas as min.insync.replicas: writes wait while any "+
			"broker is away", t.Name))
	}
	if t.Partitions == 1 {
		r.Notes = append(r.Notes, fmt.Errorf("topic %q has one partition: a second processor would be idle", t.Name))
	}
}

// addCoordinator finds out whether the cluster can do transactions, for a
// program that may use them.
func (r *Report) addCoordinator(client sarama.Client) {
	for _, n := range r.Needs {
		if n.Kind != TransactionalID || slices.ContainsFunc(r.Problems, about(n)) {
			continue
		}
		if _, err := client.TransactionCoordinator(n.Name); err != nil {
			r.Problems = append(r.Problems,
				fmt.Errorf("no transaction coordinator: %w; retry on a new cluster, set "+
					"transaction.state.log.replication.factor=1 on a small one", err))
		}
	}
}

func about(n Need) func(error) bool {
	return func(err error) bool {
		var lack *MissingError
		return errors.As(err, &lack) && lack.Need == n
	}
}

// Topics describes those of the topics that exist and that the user may see.
func Topics(client sarama.Client, topics []string) ([]TopicReport, error) {
	broker, err := kafka.AnyBroker(client)
	if err != nil {
		return nil, fmt.Errorf("ask a broker: %w", err)
	}
	found, err := describe(broker, client.Config().Version, topics)
	if err != nil {
		return nil, fmt.Errorf("ask for the topics: %w", err)
	}
	var reports []TopicReport
	for _, name := range topics {
		topic := found[name]
		if topic == nil || topic.Err != sarama.ErrNoError || len(topic.Partitions) == 0 {
			continue
		}
		replicas := len(topic.Partitions[0].Replicas)
		for _, p := range topic.Partitions {
			replicas = min(replicas, len(p.Replicas))
		}
		reports = append(reports, TopicReport{name, len(topic.Partitions), replicas, minInSync(broker, name)})
	}
	return reports, nil
}

// minInSync is the topic's min.insync.replicas, or unknown without the right
// to DescribeConfigs.
func minInSync(broker *sarama.Broker, topic string) int {
	request := &sarama.DescribeConfigsRequest{Version: 1, Resources: []*sarama.ConfigResource{
		{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"min.insync.replicas"}},
	}}
	answer, err := broker.DescribeConfigs(request)
	if err != nil {
		return unknown
	}
	for _, resource := range answer.Resources {
		for _, entry := range resource.Configs {
			if n, err := strconv.Atoi(entry.Value); err == nil && entry.Name == "min.insync.replicas" {
				return n
			}
		}
	}
	return unknown
}

// Write prints the report for a person.
func (r *Report) Write(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "cluster\t%s\n", r.ClusterID)
	fmt.Fprintf(out, "version\t%s\n", r.Version)
	for _, address := range r.Brokers {
		fmt.Fprintf(out, "broker\t%s\n", address)
	}
	fmt.Fprintf(out, "login\t%s\nencryption\t%s\nclock\t%s\n", r.Login, r.Encryption, r.Clock)
	if r.Registry != "" {
		fmt.Fprintf(out, "registry\t%s\n", r.Registry)
	}
	fmt.Fprintln(out)
	if err := out.Flush(); err != nil {
		return err
	}
	if err := WriteTopics(w, r.Topics); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nNEEDS\tHAS\tTO\n")
	for _, n := range r.Needs {
		fmt.Fprintf(out, "%s\t%s\t%s\n", n, r.has(n), n.Why)
	}
	fmt.Fprintln(out)
	for _, note := range r.Notes {
		fmt.Fprintf(out, "note: %v\n", note)
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(out, "problem: %v\n", problem)
	}
	if len(r.Problems) == 0 {
		fmt.Fprintln(out, "OK")
	}
	return out.Flush()
}

func (r *Report) has(n Need) string {
	missing := n.Kind == Topic && !slices.ContainsFunc(r.Topics, func(t TopicReport) bool { return t.Name == n.Name })
	switch {
	case slices.ContainsFunc(r.Problems, about(n)):
		return "no"
	case slices.ContainsFunc(r.Notes, about(n)):
		return "no (optional)"
	case missing:
		return "no topic"
	}
	return "yes"
}

// WriteTopics prints a table of topics.
func WriteTopics(w io.Writer, topics []TopicReport) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "TOPIC\tPARTITIONS\tREPLICAS\tMIN.INSYNC.REPLICAS")
	for _, t := range topics {
		fmt.Fprintf(out, "%s\t%d\t%d\t%s\n", t.Name, t.Partitions, t.Replicas, number(t.MinInSyncReplicas))
	}
	return out.Flush()
}

func number(n int) string {
	if n == unknown {
		return "unknown"
	}
	return strconv.Itoa(n)
}
