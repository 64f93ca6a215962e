package lag

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/jmoiron/sqlx"

	"purchases/analytics/internal/batch"
	"purchases/producer/kafka"
)

const (
	askEvery  = 2 * time.Second
	openLimit = 10 * time.Second // that an open transaction may hold a partition up unmentioned
)

// View is what Kafka said a moment ago.
type View struct {
	Reachable bool
	Since     time.Time // when Kafka answered first, or answered no longer
	// Ends are nil while Kafka does not answer, Backlog while it does not say.
	Ends    Ends
	Backlog *Backlog
	Still   []Standstill // partitions with lag, while Kafka answers
}

// Monitor asks Kafka again and again. It is safe for concurrent use; its zero
// value knows nothing yet.
type Monitor struct{ latest atomic.Pointer[View] }

// View returns what is known.
func (m *Monitor) View() View {
	if v := m.latest.Load(); v != nil {
		return *v
	}
	return View{}
}

// set keeps since when Kafka answers, or does not, and since when partitions
// stand still.
func (m *Monitor) set(v View) {
	v.Since = time.Now().UTC().Truncate(time.Second)
	if before := m.latest.Load(); before != nil && before.Reachable == v.Reachable {
		v.Since = before.Since
		carryOver(before.Still, v.Still)
	}
	m.latest.Store(&v)
}

// Viewer gives a look at the database as it is now.
type Viewer interface {
	View(context.Context, func(sqlx.QueryerContext) error) error
}

// Source says what a Monitor compares.
type Source struct {
	Kafka    kafka.Settings
	Database Viewer
	Group    string // of the processors
	Log      *slog.Logger
}

// Run asks until ctx ends.
func (m *Monitor) Run(ctx context.Context, s Source) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if client, err := s.Kafka.Connect(ctx, s.Kafka.Config()); err == nil {
			m.ask(ctx, client, &s, ticker.C)
			_ = client.Close()
		}
		m.set(View{})
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// ask asks one client until it fails or ctx ends.
func (m *Monitor) ask(ctx context.Context, client sarama.Client, s *Source, tick <-chan time.Time) {
	for {
		v, err := s.look(ctx, client)
		if err != nil {
			s.Log.Debug("the lag is unknown", "cause", err)
			return
		}
		m.set(v)
		s.warnOfOpen(v.Ends)
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

func (s *Source) look(ctx context.Context, client sarama.Client) (v View, err error) {
	var positions []Position
	var input Input
	err = s.Database.View(ctx, func(db sqlx.QueryerContext) (err error) {
		if positions, err = Read(ctx, db); err != nil {
			return err
		}
		input, err = FindInput(ctx, db, s.Group)
		return err
	})
	if err != nil {
		return v, err
	}
	if v.Ends, err = Find(client, positions); err != nil {
		return v, err
	}
	v.Reachable, v.Still = true, behind(positions, v.Ends, time.Now())
	backlog, err := input.Find(client)
	if err != nil { // the topic need not exist, nor this user be allowed to see it
		s.Log.Debug("the backlog of the processors is unknown", "topic", input.Topic, "cause", err)
		return v, nil
	}
	v.Backlog = &backlog
	return v, nil
}

func (s *Source) warnOfOpen(ends Ends) {
	for _, p := range slices.SortedFunc(maps.Keys(ends), batch.Partition.Compare) {
		open := ends[p].Open
		if open == nil || time.Since(open.Since) < openLimit {
			continue
		}
		s.Log.Warn("an open transaction of another producer blocks the partition",
			"topic", p.Topic, "partition", p.Partition, "offset", open.Offset, "age", time.Since(open.Since).Round(time.Second))
	}
}
