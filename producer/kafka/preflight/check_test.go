package preflight_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
)

// needs are one of each kind.
func needs() []preflight.Need {
	return []preflight.Need{
		{Kind: preflight.Topic, Name: "in", Operation: sarama.AclOperationRead, Why: "read"},
		{Kind: preflight.Topic, Name: "out", Operation: sarama.AclOperationWrite, Why: "write"},
		{Kind: preflight.Group, Name: "crew", Operation: sarama.AclOperationRead, Why: "share"},
		{Kind: preflight.TransactionalID, Name: "crew-in-0", Prefix: "crew-in-", Operation: sarama.AclOperationWrite,
			Why: "commit"},
		{Kind: preflight.Cluster, Operation: sarama.AclOperationIdempotentWrite, Why: "write once"},
	}
}

// grants are the ACLs that the needs call for.
func grants(needs []preflight.Need) (acls []kfake.ACL) {
	for _, n := range needs {
		acl := kfake.ACL{Name: n.Name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperation(n.Operation),
			Allow: true}
		switch n.Kind {
		case preflight.Topic:
			acl.Resource = kmsg.ACLResourceTypeTopic
		case preflight.Group:
			acl.Resource = kmsg.ACLResourceTypeGroup
		case preflight.TransactionalID:
			acl.Resource, acl.Name, acl.Pattern = kmsg.ACLResourceTypeTransactionalId, n.Prefix, kmsg.ACLResourcePatternTypePrefixed
		case preflight.Cluster:
			continue // comes with Write on a topic
		}
		acls = append(acls, acl)
	}
	return acls
}

// guarded runs a cluster where the user anna has these ACLs and no others.
func guarded(t *testing.T, acls []kfake.ACL, more ...kfake.Opt) kafka.Settings {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.User("PLAIN", "anna", "secret", acls...),
	}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return kafka.Settings{
		Bootstrap: cluster.ListenAddrs(),
		SASL:      kafka.SASL{Mechanism: sarama.SASLTypePlaintext, Username: "anna", Password: "secret"},
	}
}

func TestNothingIsMissing(t *testing.T) {
	settings := guarded(t, grants(needs()))
	if err := preflight.Start(t.Context(), settings, needs()); err != nil {
		t.Error(err)
	}
	report, err := preflight.Inspect(t.Context(), settings, needs())
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("problems %v, %v", report.Problems, err)
	}
	var out bytes.Buffer
	if err := report.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"anna by PLAIN", "in     2", "unknown", "Write on transactional id crew-in-0  yes",
		"OK\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
}

// Each right that is missing is named, alone, with the command that grants it.
func TestEachMissingRightIsNamed(t *testing.T) {
	for i, want := range []struct{ need, grant string }{
		{"Read on topic in (to read)", "User:anna --operation Read --topic in"},
		{"Write on topic out (to write)", "User:anna --operation Write --topic out"},
		{"Read on group crew (to share)", "User:anna --operation Read --group crew"},
		{"Write on transactional id crew-in-0 (to commit)",
			"User:anna --operation Write --transactional-id crew-in- --resource-pattern-type prefixed"},
	} {
		t.Run(want.need, func(t *testing.T) {
			settings := guarded(t, grants(slices.Delete(needs(), i, i+1)))
			err := preflight.Start(t.Context(), settings, needs())
			var lack *preflight.MissingError
			if !errors.As(err, &lack) || lack.Need != needs()[i] {
				t.Fatalf("error %v, want a lack of %v", err, needs()[i])
			}
			for _, text := range []string{want.need, want.grant} {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q does not say %q", err, text)
				}
			}
			if strings.Count(err.Error(), "not allowed") != 1 {
				t.Errorf("more than one right is named: %v", err)
			}
		})
	}
}

func TestIdempotentWriteIsNamed(t *testing.T) {
	settings := guarded(t, nil)
	err := preflight.Start(t.Context(), settings, needs()[4:])
	if !errors.Is(err, sarama.ErrClusterAuthorizationFailed) ||
		!strings.Contains(err.Error(), "--operation IdempotentWrite --cluster") {
		t.Errorf("error %v", err)
	}
}

func TestOptionalRightsDoNotStopAProgram(t *testing.T) {
	all := needs()
	all[2].Optional = true
	settings := guarded(t, grants(slices.Delete(needs(), 2, 3)))
	if err := preflight.Start(t.Context(), settings, all); err != nil {
		t.Error(err)
	}
	report, err := preflight.Inspect(t.Context(), settings, all)
	if err != nil || len(report.Problems) != 0 || len(report.Notes) != 1 {
		t.Fatalf("problems %v, notes %v, %v", report.Problems, report.Notes, err)
	}
}

// A broker that goes away while it is asked does not stop a program that starts.
func TestStartAsksAgain(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	left := 3
	cluster.ControlKey(kmsg.Heartbeat.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		left--
		return nil, errors.New("the connection breaks"), left >= 0
	})
	settings := kafka.Settings{Bootstrap: cluster.ListenAddrs()}
	if err := preflight.Start(t.Context(), settings, needs()); err != nil {
		t.Error(err)
	}
	left = 1000
	if err := preflight.Start(t.Context(), settings, needs()); err == nil {
		t.Error("nothing is missing where no broker answers")
	}
}

func TestMissingTopicsAreAllNamed(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	err = preflight.Start(t.Context(), kafka.Settings{Bootstrap: cluster.ListenAddrs()}, needs())
	if !errors.Is(err, kafka.ErrNoTopic) || !strings.Contains(err.Error(), `"in"`) ||
		!strings.Contains(err.Error(), `"out"`) ||
		!strings.Contains(err.Error(), "producer topics create") {
		t.Errorf("error %v", err)
	}
}

// A check leaves no group and no transactional id behind.
func TestCheckChangesNothing(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	settings := kafka.Settings{Bootstrap: cluster.ListenAddrs()}
	if err := preflight.Start(t.Context(), settings, needs()); err != nil {
		t.Fatal(err)
	}
	admin, err := sarama.NewClusterAdmin(cluster.ListenAddrs(), settings.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	groups, err := admin.ListConsumerGroups()
	if err != nil || len(groups) != 0 {
		t.Errorf("groups %v, %v", groups, err)
	}
}

func TestReplicationIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		brokers  int
		replicas int16
		inSync   string
		want     string
		problem  bool
	}{
		"writes are refused": {3, 2, "3", "every write is refused", true},
		"one replica":        {3, 1, "1", "one replica", false},
		"one in sync":        {3, 3, "1", "min.insync.replicas=1", false},
		"all in sync":        {3, 2, "2", "writes wait while any broker is away", false},
		"as it should be":    {3, 3, "2", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(tt.brokers))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			settings := kafka.Settings{Bootstrap: cluster.ListenAddrs()}
			admin, err := sarama.NewClusterAdmin(settings.Bootstrap, settings.Config())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = admin.Close() }()
			err = admin.CreateTopic("in", &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: tt.replicas,
				ConfigEntries: map[string]*string{"min.insync.replicas": &tt.inSync}}, false)
			if err != nil {
				t.Fatal(err)
			}
			report, err := preflight.Inspect(t.Context(), settings, needs()[:1])
			if err != nil {
				t.Fatal(err)
			}
			said := report.Notes
			if tt.problem {
				said = report.Problems
			}
			if (tt.want == "" && len(report.Notes)+len(report.Problems) > 0) ||
				(tt.want != "" && (len(said) != 1 || !strings.Contains(said[0].Error(), tt.want))) {
				t.Errorf("notes %v, problems %v, want %q; %+v", report.Notes, report.Problems, tt.want, report.Topics)
			}
		})
	}
}
