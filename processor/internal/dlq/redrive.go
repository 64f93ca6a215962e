package dlq

import (
	"bytes"
	"context"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"purchases/processor/deadletter"
	"purchases/processor/internal/transaction"
	"purchases/producer/kafka"
)

// HeaderRedriven is the header of a purchase that was sent back: the topic id of
// the dead letters, and the letter's partition and offset.
const HeaderRedriven = "purchases.redriven_from"

const redriveBatch = 500 // letters in one transaction

// Redrive sends letters back to the topic of purchases.
type Redrive struct {
	Kafka kafka.Settings
	// Letters and Purchases name the topics.
	Letters, Purchases string
	Filter             Filter
	// Edited replaces values, and chooses the letters. Nil leaves all values as
	// they are and chooses by Filter alone.
	Edited Edited
}

// Plan is what a redrive would do, or has done.
type Plan struct {
	Letters int64            // chosen
	Before  int64            // of them, sent back earlier: they are left alone
	Cut     int64            // of them, not whole and not edited: they cannot be sent back
	Expired int64            // of them, of expired offsets: there is nothing to send
	Sent    int64            // the others
	Reasons map[string]int64 // of those
}

// Plan says what Run would do. It changes nothing.
func (r *Redrive) Plan(ctx context.Context) (*Plan, error) {
	client, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	return r.each(ctx, client, func(*sarama.ProducerMessage) error { return nil })
}

// Run sends every chosen letter back once, whatever ends it and however often it
// runs: the header [HeaderRedriven] of a committed purchase says that its letter
// was, and the transactional id keeps a second run out. Whatever is sent is sent
// in Kafka transactions. The plan that it returns says what has been committed.
func (r *Redrive) Run(ctx context.Context) (*Plan, error) {
	// The first step, so that what an earlier run has open is aborted before the
	// purchases are read.
	producer, err := transaction.Open(ctx, r.Kafka, "redrive-"+r.Letters)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	client, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	var batch []*sarama.ProducerMessage
	var committed int64
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := producer.PublishAlone(ctx, batch); err != nil {
			return err
		}
		committed += int64(len(batch))
		batch = nil
		return nil
	}
	plan, err := r.each(ctx, client, func(m *sarama.ProducerMessage) error {
		batch = append(batch, m)
		if len(batch) < redriveBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if plan != nil {
		plan.Sent = committed
	}
	return plan, err
}

func (r *Redrive) connect(ctx context.Context) (sarama.Client, error) {
	return r.Kafka.Connect(ctx, Configure(r.Kafka.Config()))
}

// each hands what is to be sent to send.
func (r *Redrive) each(ctx context.Context, client sarama.Client,
	send func(*sarama.ProducerMessage) error) (*Plan, error) {
	id, err := kafka.Identify(client, r.Letters)
	if err != nil {
		return nil, err
	}
	before, err := r.redriven(ctx, client, id.TopicID)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Reasons: map[string]int64{}}
	missing := len(r.Edited)
	_, err = Each(ctx, client, r.Letters, r.Filter, func(l *Letter) error {
		value, edited := r.Edited[l.Position]
		if r.Edited != nil && !edited {
			return nil
		}
		missing--
		plan.Letters++
		switch {
		case before[l.Position]:
			plan.Before++
			return nil
		case l.Reason == deadletter.Expired:
			plan.Expired++
			return nil
		case l.Cut && !edited:
			plan.Cut++
			return nil
		case !edited:
			value = l.Value
		}
		plan.Sent++
		plan.Reasons[string(l.Reason)]++
		return send(r.message(l, value, id.TopicID))
	})
	if err == nil && r.Edited != nil && missing > 0 {
		err = fmt.Errorf("topic %q does not have %d of the %d edited dead letters; export them again", r.Letters, missing,
			len(r.Edited))
	}
	return plan, err
}

// redriven reads which letters were sent back earlier.
func (r *Redrive) redriven(ctx context.Context, client sarama.Client, topicID string) (map[Position]bool, error) {
	done := map[Position]bool{}
	prefix := []byte(topicID + "/")
	err := scan(ctx, client, r.Purchases, func(m *sarama.ConsumerMessage) error {
		for _, h := range m.Headers {
			position, ours := bytes.CutPrefix(h.Value, prefix)
			if string(h.Key) != HeaderRedriven || !ours {
				continue
			}
			if p, err := ParsePosition(string(position)); err == nil {
				done[p] = true
			}
		}
		return nil
	})
	return done, err
}

// message is the purchase that the letter was, with the identity that it had.
func (r *Redrive) message(l *Letter, value []byte, topicID string) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: r.Purchases}
	if l.Key != nil {
		m.Key = sarama.ByteEncoder(l.Key)
	}
	if value != nil {
		m.Value = sarama.ByteEncoder(withID(value, l.EventID))
	}
	for _, h := range l.Headers {
		if string(h.Key) != HeaderRedriven {
			m.Headers = append(m.Headers, h)
		}
	}
	m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(HeaderRedriven),
		Value: []byte(topicID + "/" + l.Position.String())})
	return m
}

// withID gives a JSON object without an event_id the letter's, so that the
// purchase keeps its identity. Other values stay as they are.
func withID(value []byte, eventID string) []byte {
	if !isObject(value) {
		return value
	}
	var given struct {
		EventID jsontext.Value `json:"event_id"`
	}
	switch err := json.Unmarshal(value, &given, jsontext.AllowDuplicateNames(true)); {
	case err != nil, len(given.EventID) > 0 && string(given.EventID) != "null" && string(given.EventID) != `""`:
		return value
	}
	open := bytes.IndexByte(value, '{') + 1
	member, err := json.Marshal(map[string]string{"event_id": eventID})
	if err != nil || len(given.EventID) > 0 { // an empty one stands there: two would be an error
		return value
	}
	member = member[1 : len(member)-1]
	if rest := bytes.TrimLeft(value[open:], " \t\r\n"); rest[0] != '}' {
		member = append(member, ',')
	}
	return bytes.Join([][]byte{value[:open], member, value[open:]}, nil)
}
