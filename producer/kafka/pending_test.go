package kafka_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"purchases/producer/kafka"
)

func TestFindPending(t *testing.T) {
	for _, tt := range []struct {
		name     string
		log      func(plain, tx writer)
		position int64
		offset   int64
		lag      int64
		open     bool
	}{
		{"empty log", func(_, _ writer) {}, 0, 0, 0, false},
		{"nothing read", func(plain, _ writer) { plain.send(3) }, 0, 0, 3, false},
		{"one left", func(plain, _ writer) { plain.send(3) }, 2, 2, 1, false},
		{"all read, then the marker", func(_, tx writer) { tx.begin(); tx.send(2); tx.commit() }, 2, 3, 0, false},
		{"aborted", func(_, tx writer) { tx.begin(); tx.send(2); tx.abort() }, 0, 3, 0, false},
		{"aborted, then one", func(plain, tx writer) { tx.begin(); tx.send(2); tx.abort(); plain.send(1) }, 0, 3, 1, false},
		{"open", func(plain, tx writer) { plain.send(1); tx.begin(); tx.send(1); plain.send(2) }, 1, 1, 3, true},
		{"one before an open one", func(plain, tx writer) { plain.send(1); tx.begin(); tx.send(1) }, 0, 0, 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings := newBroker(t)
			tt.log(newWriter(t, settings, ""), newWriter(t, settings, "tx"))
			p, err := kafka.FindPending(connect(t, settings), topic, 0, tt.position)
			if err != nil {
				t.Fatal(err)
			}
			if p.Offset != tt.offset || p.Lag() != tt.lag || p.Open != tt.open || p.Since.IsZero() != (tt.lag == 0) {
				t.Errorf("got %+v with lag %d, want offset %d, lag %d, open %v", p, p.Lag(), tt.offset, tt.lag, tt.open)
			}
		})
	}
}

// A broker that is silent at first and then answers every question, as one that
// was stalled does.
func TestSilenceIsNotALogin(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cluster.SleepControl(func() { <-silent })
		return nil, nil, false
	})
	settings := kafka.Settings{Bootstrap: cluster.ListenAddrs()}
	_, err = settings.Connect(t.Context(), settings.Config())
	wantText(t, err, "does not answer")
	if strings.Contains(err.Error(), "requires a login") {
		t.Error(err)
	}
}
