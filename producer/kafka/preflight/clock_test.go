package preflight_test

import (
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/producer/kafka"
	"purchases/producer/kafka/preflight"
)

// quorum has the embedded broker answer as a KRaft controller whose clock is off.
func quorum(t *testing.T, off time.Duration, code sarama.KError) kafka.Settings {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cluster.ControlKey(kmsg.ApiVersions.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		answer := r.ResponseKind().(*kmsg.ApiVersionsResponse)
		for key := range int16(70) {
			answer.ApiKeys = append(answer.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: key, MaxVersion: 2})
		}
		return answer, nil, true
	})
	cluster.ControlKey(kmsg.DescribeQuorum.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		leader := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		leader.LastFetchTimestamp = time.Now().Add(off).UnixMilli()
		follower := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		follower.LastFetchTimestamp = leader.LastFetchTimestamp - 300
		partition := kmsg.NewDescribeQuorumResponseTopicPartition()
		partition.CurrentVoters = append(partition.CurrentVoters, follower, leader)
		topic := kmsg.NewDescribeQuorumResponseTopic()
		topic.Partitions = append(topic.Partitions, partition)
		answer := r.ResponseKind().(*kmsg.DescribeQuorumResponse)
		answer.ErrorCode, answer.Topics = int16(code), append(answer.Topics, topic)
		return answer, nil, true
	})
	return kafka.Settings{Bootstrap: cluster.ListenAddrs()}
}

func TestClocksAreCompared(t *testing.T) {
	for name, tt := range map[string]struct {
		off  time.Duration
		code sarama.KError
		want string
		note bool
	}{
		"together":        {0, sarama.ErrNoError, "in step with the cluster, ±", false},
		"a little behind": {4 * time.Second, sarama.ErrNoError, "s behind the cluster", false},
		"far behind":      {time.Hour, sarama.ErrNoError, "s behind the cluster", true},
		"far ahead":       {-time.Hour, sarama.ErrNoError, "s ahead of the cluster", true},
		"not allowed": {0, sarama.ErrClusterAuthorizationFailed,
			"not compared: the cluster reports its time only to users with Describe", false},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := preflight.Inspect(t.Context(), quorum(t, tt.off, tt.code), needs())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.Clock.String(), tt.want) || (len(report.Notes) > 0) != tt.note ||
				len(report.Problems) > 0 {
				t.Errorf("clock %s, notes %v, problems %v", report.Clock, report.Notes, report.Problems)
			}
			if off := -tt.off; tt.note && (report.Clock.Ahead < off-report.Clock.Within ||
				report.Clock.Ahead > off+report.Clock.Within) {
				t.Errorf("clock %+v, want it to be %s ahead", report.Clock, off)
			}
		})
	}
}

func TestClocksThatCannotBeCompared(t *testing.T) {
	report, err := preflight.Inspect(t.Context(), guarded(t, grants(needs())), needs())
	if err != nil || report.Clock.String() != "not compared: this cluster does not report its time" {
		t.Errorf("clock %s, %v", report.Clock, err)
	}
}
