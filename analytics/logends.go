package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/answer"
	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/readonly"
	"purchases/analytics/internal/server"
	"purchases/analytics/internal/status"
	"purchases/producer/kafka"
)

const askEndsEvery = 2 * time.Second

// logEnds knows where the logs ended a moment ago, or nothing while Kafka
// cannot be reached.
type logEnds struct {
	latest atomic.Pointer[map[freshness.Log]freshness.End]
	state  atomic.Pointer[server.KafkaState]
}

// maxAway is how long Kafka may be away before the program is not ready.
const maxAway = time.Minute

// kafka says since when Kafka has answered, or has not.
func (l *logEnds) kafka() server.KafkaState {
	if state := l.state.Load(); state != nil {
		return *state
	}
	return server.KafkaState{}
}

// reasons says why the program is not ready.
func (l *logEnds) reasons() []string {
	state := l.kafka()
	if state.Reachable || time.Since(state.Since) < maxAway {
		return nil
	}
	return []string{fmt.Sprintf("Kafka has not answered since %s", state.Since.Format(time.RFC3339))}
}

func (l *logEnds) set(ends *map[freshness.Log]freshness.End) {
	l.latest.Store(ends)
	if before := l.state.Load(); before == nil || before.Reachable != (ends != nil) {
		l.state.Store(&server.KafkaState{Reachable: ends != nil, Since: time.Now().UTC().Truncate(time.Second)})
	}
}

func (l *logEnds) known() map[freshness.Log]freshness.End {
	if ends := l.latest.Load(); ends != nil {
		return *ends
	}
	return nil
}

// follow asks Kafka until ctx ends.
func (l *logEnds) follow(ctx context.Context, settings kafka.Settings, pool *readonly.Pool) {
	ticker := time.NewTicker(askEndsEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if client, err := settings.Connect(ctx, settings.Config()); err == nil {
			l.ask(ctx, client, pool, ticker.C)
			_ = client.Close()
		}
		l.set(nil)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// ask asks one client until it fails or ctx ends.
func (l *logEnds) ask(ctx context.Context, client sarama.Client, pool *readonly.Pool, tick <-chan time.Time) {
	for {
		ends, err := readEnds(ctx, client, pool)
		if err != nil {
			return
		}
		l.set(&ends)
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

func readEnds(ctx context.Context, client sarama.Client, pool *readonly.Pool) (map[freshness.Log]freshness.End, error) {
	now, err := answer.Freshness(ctx, pool)
	if err != nil {
		return nil, err
	}
	list := make([]status.Partition, len(now.Positions))
	for i, p := range now.Positions {
		list[i] = status.Partition{Topic: p.Topic, Partition: p.Partition, NextOffset: p.NextOffset}
	}
	if err := status.AddLag(client, list); err != nil {
		return nil, err
	}
	ends := make(map[freshness.Log]freshness.End, len(list))
	for _, p := range list {
		last := *p.HighWatermark - 1
		if *p.Lag == 0 { // only markers follow what is stored
			last = p.NextOffset - 1
		}
		ends[freshness.Log{Topic: p.Topic, Partition: p.Partition}] = freshness.End{LastRecord: last, HighWatermark: *p.HighWatermark}
	}
	return ends, nil
}
