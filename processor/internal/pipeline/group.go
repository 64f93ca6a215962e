package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"purchases/producer/kafka"
)

const (
	// sessionTimeout is Kafka's least (group.min.session.timeout.ms). When it
	// is too short for a pause, the partitions move and the member is fenced:
	// that costs a rebalance and nothing else. It is what another member waits
	// before it takes over from one that was killed.
	sessionTimeout    = 6 * time.Second
	heartbeatInterval = 500 * time.Millisecond
	// rebalanceTimeout must be longer than a transaction takes to end.
	rebalanceTimeout  = 15 * time.Second
	retryBackoff      = 50 * time.Millisecond
	maxRetries        = 5 // multiplied by that of the client's: a lost broker is noticed after about a second
	maxProcessingTime = time.Second
	fetchWait         = 100 * time.Millisecond
	fetchBytes        = 64 << 10        // of one partition in one response, compressed
	metadataRefresh   = 2 * time.Second // new partitions are found after twice that at most
	channelBuffer     = 4               // messages of each partition, which have at most 1 MB each
	firstPause        = 50 * time.Millisecond
	longestPause      = 500 * time.Millisecond
	stopGrace         = 5 * time.Second
)

// consume keeps the process a member of the group until ctx ends or an error
// comes that waiting does not cure.
func (p *pipeline) consume(ctx context.Context) error {
	client, err := p.Kafka.Connect(ctx, p.groupConfig(ctx))
	if err != nil {
		return err
	}
	end := sync.OnceFunc(func() { _ = client.Close() }) // sarama's Close panics when two are at it
	defer end()
	// A JoinGroup that waits for other members heeds no context.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, end) })()
	group, err := sarama.NewConsumerGroupFromClient(p.Group, client)
	if err != nil {
		return fmt.Errorf("open the consumer group %s: %w", p.Group, err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go stopAtUnreadable(group, stop)
	err = p.sessions(ctx, group)
	if cause := context.Cause(ctx); errors.Is(cause, sarama.ErrDecompressedBatchTooLarge) {
		err = p.explainUnreadable(cause)
	}
	_ = group.Close()
	if p.Instance != "" && !errors.Is(err, sarama.ErrFencedInstancedId) {
		p.leave()
	}
	return err
}

// stopAtUnreadable ends the run at a batch that cannot be read however often it
// is tried: without that, nothing would be read of its broker for ever, and
// nothing said. Other errors end a session, or pass.
func stopAtUnreadable(group sarama.ConsumerGroup, stop context.CancelCauseFunc) {
	for err := range group.Errors() {
		if errors.Is(err, sarama.ErrDecompressedBatchTooLarge) {
			stop(err)
		}
	}
}

// leave gives the partitions back at once. Sarama leaves that to the session
// timeout when the member has an instance id. A drain may end before it joins.
func (p *pipeline) leave() {
	_, err := p.admin.RemoveMemberFromConsumerGroup(p.Group, []string{p.Instance})
	if err != nil && !errors.Is(err, sarama.ErrGroupIDNotFound) {
		p.Log.Warn("could not leave the group; its other members wait for the session timeout",
			"group", p.Group, "timeout", sessionTimeout, "cause", err)
	}
}

func (p *pipeline) groupConfig(ctx context.Context) *sarama.Config {
	c := p.Kafka.Config()
	c.ChannelBufferSize = channelBuffer
	c.Metadata.RefreshFrequency = metadataRefresh
	c.Metadata.Retry.Max = maxRetries
	c.Metadata.Retry.Backoff = retryBackoff
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.MaxProcessingTime = maxProcessingTime
	c.Consumer.MaxWaitTime = fetchWait
	c.Consumer.Fetch.Default = fetchBytes
	c.Consumer.Retry.Backoff = retryBackoff
	c.Consumer.Return.Errors = true
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Group.ResetInvalidOffsets = false
	c.Consumer.Group.InstanceId = p.Instance
	c.Consumer.Group.Session.Timeout = sessionTimeout
	c.Consumer.Group.Heartbeat.Interval = heartbeatInterval
	c.Consumer.Group.Rebalance.Timeout = rebalanceTimeout
	c.Consumer.Group.Rebalance.Retry.Max = maxRetries
	c.Consumer.Group.Rebalance.Retry.Backoff = retryBackoff
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{
		fencingStrategy{sarama.NewBalanceStrategyRange(), func(partitions []int32) { p.current.open(ctx, partitions) }},
	}
	return c
}

// fencingStrategy is the range assignment: with one topic it is as even as any, and a
// sticky one would gain nothing where each session begins afresh. OnAssignment
// is the moment between getting partitions and sarama's reading of their
// committed offsets, which is when earlier owners must be fenced: an offset
// that one of them has in an open transaction could not be read at all.
type fencingStrategy struct {
	sarama.BalanceStrategy
	open func(partitions []int32)
}

func (f fencingStrategy) OnAssignment(assignment *sarama.ConsumerGroupMemberAssignment, _ int32) {
	for _, partitions := range assignment.Topics {
		f.open(partitions)
	}
}

// sessions joins the group again whenever a session has ended.
func (p *pipeline) sessions(ctx context.Context, group sarama.ConsumerGroup) error {
	pause := firstPause
	for ctx.Err() == nil {
		p.current = &session{pipeline: p}
		err := p.current.run(ctx, group)
		switch {
		case ctx.Err() != nil:
			return nil
		case fatal(err):
			return explain(p.Settings, err)
		case err != nil:
			p.health.failed(err)
			p.Health.sessionFailed(err)
			p.Metrics.retries.Inc()
		}
		if err == nil || p.current.committed.Load() {
			pause = firstPause
		}
		if err != nil {
			wait(ctx, pause)
			pause = min(2*pause, longestPause)
		}
	}
	return nil
}

func wait(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// fatal says whether an error stays however often the work is tried again.
func fatal(err error) bool {
	var outside *OutOfRangeError
	var expired *ExpiredError
	if errors.As(err, &outside) || errors.As(err, &expired) {
		return true
	}
	for _, permanent := range []error{
		kafka.ErrNoTopic,
		sarama.ErrFencedInstancedId,
		sarama.ErrMessageSizeTooLarge,
		sarama.ErrInconsistentGroupProtocol,
		sarama.ErrInvalidSessionTimeout,
		sarama.ErrUnsupportedVersion,
		sarama.ErrTopicAuthorizationFailed,
		sarama.ErrGroupAuthorizationFailed,
		sarama.ErrClusterAuthorizationFailed,
		sarama.ErrTransactionalIDAuthorizationFailed,
	} {
		if errors.Is(err, permanent) {
			return true
		}
	}
	return false
}

// explain adds to a permanent error what a person can do about it.
func explain(s Settings, err error) error {
	switch {
	case errors.Is(err, sarama.ErrFencedInstancedId):
		return fmt.Errorf("another processor has joined group %s as instance %s: %w; stop one of the two", s.Group,
			s.Instance, err)
	case errors.Is(err, sarama.ErrMessageSizeTooLarge):
		return fmt.Errorf("%w; set max.message.bytes of the topics %s and %s to Kafka's default or above", err, s.Output,
			s.DeadLetters)
	case errors.Is(err, sarama.ErrInconsistentGroupProtocol):
		return fmt.Errorf("join group %s: %w; another application uses this group, choose one with --group", s.Group, err)
	}
	return err
}
