package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/cmdline"
	"purchases/producer/purchase"
)

// right is one row of the table in docs/kafka.md.
type right struct {
	kind      kmsg.ACLResourceType
	name      string
	operation kmsg.ACLOperation
	missing   string // what the program says without it
}

func rights() []right {
	return []right{
		{kmsg.ACLResourceTypeTopic, purchase.Topic, kmsg.ACLOperationRead, "Read on topic purchases "},
		{kmsg.ACLResourceTypeTopic, enriched.Topic, kmsg.ACLOperationWrite, "Write on topic analytics "},
		{kmsg.ACLResourceTypeTopic, deadletter.Topic, kmsg.ACLOperationWrite, "Write on topic purchases.dlq "},
		{kmsg.ACLResourceTypeGroup, "processor", kmsg.ACLOperationRead, "Read on group processor "},
		{kmsg.ACLResourceTypeTransactionalId, "processor-purchases-", kmsg.ACLOperationWrite,
			"Write on transactional id processor-purchases-0 "},
	}
}

// guarded runs a cluster with one purchase where the user p has these rights
// alone, and names it in the environment.
func guarded(t *testing.T, rights []right) {
	t.Helper()
	acls := make([]kfake.ACL, len(rights))
	for i, r := range rights {
		acls[i] = kfake.ACL{Resource: r.kind, Name: r.name, Pattern: kmsg.ACLResourcePatternTypeLiteral,
			Operation: r.operation, Allow: true}
		if r.kind == kmsg.ACLResourceTypeTransactionalId {
			acls[i].Pattern = kmsg.ACLResourcePatternTypePrefixed
		}
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(2, purchase.Topic, enriched.Topic, deadletter.Topic),
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", "root"),
		kfake.User("SCRAM-SHA-512", "p", "secret", acls...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	address := cluster.ListenAddrs()[0]
	t.Setenv("KAFKA_BOOTSTRAP_SERVERS", address)
	t.Setenv("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
	t.Setenv("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
	t.Setenv("KAFKA_SASL_USERNAME", "p")
	t.Setenv("KAFKA_SASL_PASSWORD", "secret")
	sendAsRoot(t, address)
}

func sendAsRoot(t *testing.T, address string) {
	t.Helper()
	c := sarama.NewConfig()
	c.Producer.Return.Successes = true
	c.Net.SASL.Enable, c.Net.SASL.User, c.Net.SASL.Password = true, "root", "root"
	c.Net.SASL.Version = sarama.SASLHandshakeV1
	producer, err := sarama.NewSyncProducer([]string{address}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{
		Topic: purchase.Topic, Key: sarama.StringEncoder("u"),
		Value: sarama.StringEncoder(`{"user":"u","item":"i","timestamp":"2026-01-01T00:00:00Z"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheseRightsAreEnough(t *testing.T) {
	guarded(t, rights())
	for _, command := range []string{"check", "run --drain"} {
		var out, errs bytes.Buffer
		if code := cmdline.Run(t.Context(), app(), append([]string{"processor"}, strings.Fields(command)...), &out,
			&errs); code != 0 {
			t.Errorf("%s: exit %d: %s%s", command, code, &out, &errs)
		}
		if command != "check" && !strings.Contains(errs.String(), "events=1") {
			t.Errorf("%s: %s", command, &errs)
		}
	}
}

func TestEachMissingRightIsNamed(t *testing.T) {
	for i, r := range rights() {
		t.Run(r.missing, func(t *testing.T) {
			all := rights()
			guarded(t, append(all[:i], all[i+1:]...))
			for _, command := range []string{"check", "run --drain"} {
				var out, errs bytes.Buffer
				code := cmdline.Run(t.Context(), app(), append([]string{"processor"}, strings.Fields(command)...), &out, &errs)
				want := fmt.Sprintf("not allowed: %s(", r.missing)
				if code != 1 || strings.Count(errs.String(), want) != 1 || strings.Count(errs.String(), "not allowed") != 1 {
					t.Errorf("%s: exit %d, want 1 and %q:\n%s%s", command, code, want, &out, &errs)
				}
			}
		})
	}
}
