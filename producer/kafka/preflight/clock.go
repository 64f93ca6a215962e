package preflight

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/producer/kafka"
)

// tolerated is how far the clocks may be apart until a note says so. Machines
// that keep time by NTP are within a part of a second.
const tolerated = 5 * time.Second

// Clock is this machine's clock beside the cluster's.
type Clock struct {
	// Ahead is by how much this machine's is ahead, negative where it is
	// behind, give or take Within.
	Ahead, Within time.Duration
	// Unknown, if not nil, is why they were not compared.
	Unknown error
}

// String is the comparison in words.
func (c Clock) String() string {
	switch {
	case c.Unknown != nil:
		return fmt.Sprintf("not compared: %v", c.Unknown)
	case c.Ahead.Abs() <= c.Within:
		return fmt.Sprintf("in step with the cluster, ±%s", round(c.Within))
	case c.Ahead < 0:
		return fmt.Sprintf("%s behind the cluster, ±%s", round(-c.Ahead), round(c.Within))
	}
	return fmt.Sprintf("%s ahead of the cluster, ±%s", round(c.Ahead), round(c.Within))
}

func round(d time.Duration) time.Duration {
	return max(d.Round(10*time.Millisecond), 10*time.Millisecond)
}

func (r *Report) addClock(c Clock) {
	r.Clock = c
	if c.Unknown == nil && c.Ahead.Abs()-c.Within > tolerated {
		r.Notes = append(r.Notes, fmt.Errorf("this machine's clock is %s; synchronise both with NTP", c))
	}
}

// compareClocks asks for the quorum of the controllers. Their leader says when
// it has last heard of each of them, and of itself that is now, by its clock.
// No other answer of Kafka's that changes nothing has the time in it.
func compareClocks(ctx context.Context, settings kafka.Settings, address string,
	versions *sarama.ApiVersionsResponse) Clock {
	request := quorumRequest()
	if !serves(versions, request) {
		return Clock{Unknown: errors.New("this cluster does not report its time")}
	}
	sent := time.Now()
	answer, err := settings.RawRequest(ctx, address, request)
	if err != nil {
		return Clock{Unknown: err}
	}
	return read(answer.(*kmsg.DescribeQuorumResponse), sent, time.Now())
}

func quorumRequest() *kmsg.DescribeQuorumRequest {
	partition := kmsg.NewDescribeQuorumRequestTopicPartition()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic, topic.Partitions = "__cluster_metadata", []kmsg.DescribeQuorumRequestTopicPartition{partition}
	request := kmsg.NewPtrDescribeQuorumRequest()
	request.Version, request.Topics = 1, []kmsg.DescribeQuorumRequestTopic{topic} // the first version with times
	return request
}

func serves(versions *sarama.ApiVersionsResponse, request kmsg.Request) bool {
	for _, k := range versions.ApiKeys {
		if k.ApiKey == request.Key() {
			return k.MinVersion <= request.GetVersion() && request.GetVersion() <= k.MaxVersion
		}
	}
	return false
}

// read takes the time out of the answer. The controller's clock was read at
// some moment between the two.
func read(answer *kmsg.DescribeQuorumResponse, sent, received time.Time) Clock {
	code := sarama.KError(answer.ErrorCode)
	switch {
	case code == sarama.ErrClusterAuthorizationFailed:
		return Clock{Unknown: errors.New("the cluster reports its time only to users with Describe on the cluster")}
	case code != sarama.ErrNoError:
		return Clock{Unknown: code}
	}
	latest := int64(-1) // milliseconds
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			for _, replica := range p.CurrentVoters {
				latest = max(latest, replica.LastFetchTimestamp)
			}
		}
	}
	if latest < 0 {
		return Clock{Unknown: errors.New("this cluster does not report its time")}
	}
	half := received.Sub(sent) / 2
	return Clock{Ahead: sent.Add(half).Sub(time.UnixMilli(latest)), Within: half + time.Millisecond}
}
