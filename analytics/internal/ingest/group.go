package ingest

import (
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
)

const (
	reportLagEvery = time.Second
	// commitVersion is the last version of OffsetCommit before the flexible
	// ones; a commit without a group's member has had the same form since.
	commitVersion = 7
)

// groupCommitter tells Kafka which offsets are stored, after they are, so that
// tools which know only Kafka can show the consumer lag. Nothing depends on it:
// a commit that fails is logged, and the next one covers it. A nil groupCommitter
// tells nobody.
type groupCommitter struct {
	client sarama.Client
	group  string
	log    *slog.Logger
	stop   chan struct{}
	done   sync.WaitGroup

	mu      sync.Mutex
	stored  map[batch.Partition]int64
	changed bool
}

func startGroupCommitter(client sarama.Client, group string, log *slog.Logger) *groupCommitter {
	l := &groupCommitter{client: client, group: group, log: log, stop: make(chan struct{}),
		stored: map[batch.Partition]int64{}}
	l.done.Go(l.run)
	return l
}

// report notes the offset; it does not wait for Kafka.
func (l *groupCommitter) report(p batch.Partition, next int64) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored[p], l.changed = next, true
}

func (l *groupCommitter) run() {
	ticker := time.NewTicker(reportLagEvery)
	defer ticker.Stop()
	failing := false
	for stopped := false; !stopped; {
		select {
		case <-l.stop:
			stopped = true
		case <-ticker.C:
		}
		err := l.commit()
		if err != nil && !failing {
			l.log.Warn("lag tools do not see the stored offsets, trying again", "group", l.group, "cause", err)
		}
		failing = err != nil
	}
}

func (l *groupCommitter) commit() error {
	offsets := l.take()
	if offsets == nil {
		return nil
	}
	err := l.send(offsets)
	if err != nil {
		l.mu.Lock()
		l.changed = true
		l.mu.Unlock()
	}
	return err
}

// take returns the offsets, or nil when Kafka has been told of them.
func (l *groupCommitter) take() map[batch.Partition]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.changed {
		return nil
	}
	l.changed = false
	return maps.Clone(l.stored)
}

func (l *groupCommitter) send(offsets map[batch.Partition]int64) error {
	coordinator, err := l.client.Coordinator(l.group)
	if err != nil {
		return fmt.Errorf("find the coordinator: %w", err)
	}
	request := &sarama.OffsetCommitRequest{
		Version: commitVersion, ConsumerGroup: l.group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	for p, next := range offsets {
		request.AddBlock(p.Topic, p.Partition, next, 0, "")
	}
	response, err := coordinator.CommitOffset(request)
	if err != nil {
		_ = l.client.RefreshCoordinator(l.group) // it may have moved
		return fmt.Errorf("commit: %w", err)
	}
	for topic, partitions := range response.Errors {
		for p, code := range partitions {
			if code != sarama.ErrNoError {
				_ = l.client.RefreshCoordinator(l.group)
				return fmt.Errorf("commit %s/%d: %w", topic, p, code)
			}
		}
	}
	return nil
}

// close commits the last offsets.
func (l *groupCommitter) close() {
	if l == nil {
		return
	}
	close(l.stop)
	l.done.Wait()
}
