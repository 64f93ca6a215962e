package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"purchases/analytics/internal/freshness"
)

// KafkaState says whether Kafka answers, and since when that is so.
type KafkaState struct {
	Reachable bool      `json:"reachable"`
	Since     time.Time `json:"since"`
}

type statusInfo struct {
	AsOf          time.Time       `json:"as_of"`
	DatabaseBytes int64           `json:"database_bytes"`
	Kafka         *KafkaState     `json:"kafka,omitzero"`
	Lag           *int64          `json:"lag"`
	Partitions    []partitionInfo `json:"partitions"`
}

type partitionInfo struct {
	Topic         string  `json:"topic"`
	Partition     int32   `json:"partition"`
	NextOffset    int64   `json:"next_offset"`
	HighWatermark *int64  `json:"high_watermark"`
	Lag           *int64  `json:"lag"`
	LastEvent     *string `json:"last_event"`
	StoredAt      *string `json:"stored_at"`
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
	info := statusInfo{AsOf: fresh.AsOf, DatabaseBytes: s.Size(), Lag: fresh.Lag, Partitions: []partitionInfo{}}
	if s.Kafka != nil {
		state := s.Kafka()
		info.Kafka = &state
	}
	var ends map[freshness.Log]freshness.End
	if s.Ends != nil {
		ends = s.Ends()
	}
	for _, p := range fresh.Positions {
		info.Partitions = append(info.Partitions, newPartitionInfo(p, ends))
	}
	return info
}

func newPartitionInfo(p freshness.Position, ends map[freshness.Log]freshness.End) partitionInfo {
	info := partitionInfo{
		Topic: p.Topic, Partition: p.Partition, NextOffset: p.NextOffset,
		LastEvent: instant(p.Watermark), StoredAt: instant(p.StoredAt),
	}
	if end, known := ends[p.Log]; known {
		lag := end.Lag(p.NextOffset)
		info.HighWatermark, info.Lag = &end.HighWatermark, &lag
	}
	return info
}

func instant(ms *int64) *string {
	if ms == nil {
		return nil
	}
	text := time.UnixMilli(*ms).UTC().Format(time.RFC3339Nano)
	return &text
}
