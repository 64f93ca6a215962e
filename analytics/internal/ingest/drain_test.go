package ingest_test

import (
	"errors"
	"testing"
	"time"

	"purchases/analytics/internal/ingest"
	"purchases/processor/enriched"
	"purchases/producer/kafka"
)

// begin leaves a transaction open.
func (w *transactor) begin(from, to int) {
	w.t.Helper()
	if err := w.producer.BeginTxn(); err != nil {
		w.t.Fatal(err)
	}
	for n := from; n < to; n++ {
		if _, _, err := w.producer.SendMessage(event(w.t, n)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestDrainFailsBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 100)
	w.begin(100, 130)
	db := newDatabase(t)
	var held *kafka.HeldError
	cfg := config(c)
	cfg.DrainTimeout = 10 * time.Millisecond
	if err := ingest.Run(t.Context(), db, cfg); !errors.As(err, &held) || len(held.Partitions) == 0 {
		t.Fatalf("got %v, want the partitions that are held up", err)
	}
	for _, p := range held.Partitions {
		if first := c.PartitionInfo(p.Topic, p.Partition).LastStableOffset; p.Topic != enriched.Topic || p.Offset != first ||
			!p.Open {
			t.Errorf("%+v, want the open transaction at offset %d", p, first)
		}
	}
	wantCount(t, db, 100, `SELECT count(*) FROM events`)
}

func TestDrainWaitsForAnOpenTransaction(t *testing.T) {
	t.Parallel()
	for name, commit := range map[string]bool{"committed": true, "aborted": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			w := newTransactor(t, c)
			sendEvents(w, 0, 100)
			w.begin(100, 130)
			db := newDatabase(t)
			cfg := config(c)
			cfg.DrainTimeout = time.Minute
			ended := make(chan error, 1)
			go func() { ended <- ingest.Run(t.Context(), db, cfg) }()
			for count(t, db, `SELECT count(*) FROM events`) < 100 {
				time.Sleep(10 * time.Millisecond)
			}
			end, want := w.producer.AbortTxn, 100
			if commit {
				end, want = w.producer.CommitTxn, 130
			}
			if err := errors.Join(end(), <-ended); err != nil {
				t.Fatal(err)
			}
			wantCount(t, db, want, `SELECT count(*) FROM events`)
		})
	}
}
