package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/freshness"
	"purchases/analytics/internal/lag"
)

type statusInfo struct {
	AsOf          time.Time       `json:"as_of"`
	DatabaseBytes int64           `json:"database_bytes"`
	EventsSince   *time.Time      `json:"events_since"`
	Kafka         *kafkaInfo      `json:"kafka,omitzero"`
	Processor     *processorInfo  `json:"processor,omitzero"`
	Lag           *int64          `json:"lag"`
	Partitions    []partitionInfo `json:"partitions"`
}

type kafkaInfo struct {
	Reachable bool      `json:"reachable"`
	Since     time.Time `json:"since"`
}

type processorInfo struct {
	Topic   string     `json:"topic"`
	Group   string     `json:"group"`
	Running int        `json:"running"`
	Lag     int64      `json:"lag"`
	Oldest  *time.Time `json:"oldest_waiting"`
}

type partitionInfo struct {
	Topic           string    `json:"topic"`
	Partition       int32     `json:"partition"`
	NextOffset      int64     `json:"next_offset"`
	HighWatermark   *int64    `json:"high_watermark"`
	Lag             *int64    `json:"lag"`
	LastEvent       *string   `json:"last_event"`
	StoredAt        *string   `json:"stored_at"`
	OpenTransaction *openInfo `json:"open_transaction,omitzero"`
}

type openInfo struct {
	Offset int64     `json:"offset"`
	Since  time.Time `json:"since"`
}

func (s *Server) showStatus(w http.ResponseWriter, r *http.Request) error {
	if err := noParameters(r, "status"); err != nil {
		return err
	}
	fresh, err := s.freshness(r.Context())
	if err != nil {
		return err
	}
	body, err := json.Marshal(s.newStatusInfo(fresh))
	if err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	describe(h, fresh)
	return writeWhole(w, func(out *reply) error { return writeLine(out, body) })
}

func (s *Server) newStatusInfo(fresh *freshness.Freshness) statusInfo {
	info := statusInfo{
		AsOf: fresh.AsOf, DatabaseBytes: s.Size(), EventsSince: orNull(fresh.KeptSince), Lag: fresh.Lag,
		Partitions: []partitionInfo{},
	}
	var view lag.View
	if s.Kafka != nil {
		view = s.Kafka()
		info.Kafka = &kafkaInfo{view.Reachable, view.Since}
	}
	if b := view.Backlog; b != nil {
		info.Processor = &processorInfo{Topic: b.Topic, Group: b.Group, Running: b.Members, Lag: b.Lag,
			Oldest: orNull(b.Oldest)}
	}
	for _, p := range fresh.Positions {
		info.Partitions = append(info.Partitions, newPartitionInfo(p, view.Ends))
	}
	return info
}

func newPartitionInfo(p lag.Position, ends lag.Ends) partitionInfo {
	info := partitionInfo{
		Topic: p.Topic, Partition: p.Partition.Partition, NextOffset: p.NextOffset, Lag: ends.Lag(p),
		LastEvent: instant(p.LatestEvent()), StoredAt: instant(p.LastStored()),
	}
	end, known := ends[p.Partition]
	if !known {
		return info
	}
	info.HighWatermark = &end.HighWatermark
	if open := end.Open; open != nil {
		info.OpenTransaction = &openInfo{open.Offset, open.Since.UTC()}
	}
	return info
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.Format(time.RFC3339Nano)
	return &text
}
