package ingest_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"purchases/analytics/internal/batch"
	"purchases/analytics/internal/ingest"
	"purchases/processor/deadletter"
	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

func expiredLetter(topic string, from, offsets int64) *sarama.ProducerMessage {
	return deadletter.NewExpired("id", enriched.Source{Topic: topic, Partition: 3, Offset: from}, offsets).
		Message(deadletter.Topic)
}

func TestLetterOfExpiredOffsets(t *testing.T) {
	decode := ingest.DecodeDeadLetters()
	m := &sarama.ConsumerMessage{Topic: deadletter.Topic, Offset: 5, Timestamp: time.UnixMilli(99)}
	for _, h := range expiredLetter(purchase.Topic, 7, 3).Headers {
		m.Headers = append(m.Headers, &h)
	}
	want := batch.Record{Offset: 5, Expired: &batch.Expired{
		Source: batch.Source{Topic: purchase.Topic, Partition: 3, Offset: 7}, Offsets: 3, RecordedAt: 99,
	}}
	if got := decode(m); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// What this program has missed of its own topics no letter can tell.
func TestLetterOfExpiredOffsetsOfAnOwnTopic(t *testing.T) {
	decode := ingest.DecodeDeadLetters()
	for _, topic := range []string{enriched.Topic, deadletter.Topic} {
		m := &sarama.ConsumerMessage{Topic: deadletter.Topic}
		for _, h := range expiredLetter(topic, 7, 3).Headers {
			m.Headers = append(m.Headers, &h)
		}
		r := decode(m)
		if r.Expired != nil || r.Rejection == nil || r.Rejection.Reason != "invalid_dead_letter" ||
			!strings.Contains(r.Rejection.Detail, topic) {
			t.Errorf("got %+v", r)
		}
	}
}

func TestGapBeforeTheProcessorIsStored(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	w := newTransactor(t, c)
	sendEvents(w, 0, 20)
	w.send(true, expiredLetter(purchase.Topic, 0, 100), letter(1))
	w.send(false, expiredLetter(purchase.Topic, 100, 100)) // aborted
	w.send(true, expiredLetter(purchase.Topic, 0, 100))    // once more
	db := newDatabase(t)
	drain(t, c, db)
	wantCount(t, db, 2, `SELECT count(*) FROM expired`)
	wantCount(t, db, 100, `SELECT to_offset - from_offset + 1 FROM gaps WHERE topic = 'purchases' AND partition = 3`)
	wantCount(t, db, 1, `SELECT count(*) FROM gaps`)
	wantCount(t, db, 1, `SELECT count(*) FROM rejected`)
}
