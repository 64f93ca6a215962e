// Package deadletter is the contract of the topic "purchases.dlq": messages that
// broke a rule, with their original key, value and headers, and with headers that
// give the origin and the reason. A message too long for a broker's default limit
// of 1 MiB is cut, and headers say so.
//
// The first five headers have the names that Kafka Connect uses (KIP-298), so that
// tools for its dead letters work here.
package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// Topic is the default name of the dead-letter topic.
const Topic = "purchases.dlq"

// Headers of a dead letter. All values are UTF-8 text.
const (
	HeaderTopic     = "__connect.errors.topic"
	HeaderPartition = "__connect.errors.partition"
	HeaderOffset    = "__connect.errors.offset"
	HeaderStage     = "__connect.errors.stage"
	HeaderMessage   = "__connect.errors.exception.message"
	// HeaderReason holds the stable code, see [purchase.Reason].
	HeaderReason = "purchases.reason"
	// HeaderEventID holds the event_id as given, or the record's id if none could
	// be read.
	HeaderEventID = "purchases.event_id"
	// HeaderRecordID holds the letter's identity: the [purchase.DerivedID] of the
	// record's position or, where the record gives an event_id, an id of that and
	// of the value.
	HeaderRecordID = "purchases.record_id"
	// HeaderLength and HeaderSHA256 describe the whole of a value that is cut: its
	// length in bytes and its SHA-256 in hexadecimal.
	HeaderLength = "purchases.value.length"
	HeaderSHA256 = "purchases.value.sha256"
	// HeaderKeyLength is the length in bytes of a key that is cut.
	HeaderKeyLength = "purchases.key.length"
	// HeaderDropped is the number of original headers, if all of them are left
	// out.
	HeaderDropped = "purchases.headers.dropped"
)

// Limits that keep a whole letter under 1 MiB.
const (
	MaxValue   = purchase.MaxValue / 2 // bytes of the value; a longer one is cut
	MaxKey     = 64 << 10              // bytes of the key; a longer one is cut
	MaxHeaders = 64 << 10              // bytes of the original headers; with more, all are left out
	MaxText    = 4 << 10               // bytes of Detail, Stage and EventID; a longer one is cut

	headerOverhead = 10 // most bytes of a header besides name and value
)

// Letter is one dead letter.
type Letter struct {
	Reason purchase.Reason
	// Detail describes the fault in one line.
	Detail  string
	Stage   string
	EventID string
	// RecordID is the letter's identity, see [HeaderRecordID].
	RecordID uuid.UUID
	Source   enriched.Source
	Key      []byte
	Value    []byte
	// Headers are the original ones, in their order.
	Headers []sarama.RecordHeader
	// Offsets is how many offsets a letter with the reason [Expired] stands for, and 0
	// in all others.
	Offsets int64
	// Cut is set by [Parse] if Key or Value is only the beginning of the original,
	// or if the original Headers are left out.
	Cut bool
}

// Message returns the letter as a message for the topic, to be partitioned by
// key. It does not change the letter.
func (l *Letter) Message(topic string) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: topic}
	if l.Key != nil {
		m.Key = sarama.ByteEncoder(l.Key[:min(len(l.Key), MaxKey)])
	}
	if l.Value != nil {
		m.Value = sarama.ByteEncoder(l.Value[:min(len(l.Value), MaxValue)])
	}
	if headersSize(l.Headers) <= MaxHeaders {
		m.Headers = slices.Clone(l.Headers)
	}
	m.Headers = append(m.Headers, l.errorHeaders()...)
	m.Headers = append(m.Headers, l.offsetsHeader()...)
	m.Headers = append(m.Headers, l.cutHeaders()...)
	return m
}

// errorHeaders begin with HeaderTopic. The last one in a message is where [Parse]
// separates them from original headers, which may have the same names.
func (l *Letter) errorHeaders() []sarama.RecordHeader {
	return headers([][2]string{
		{HeaderTopic, l.Source.Topic},
		{HeaderPartition, strconv.FormatInt(int64(l.Source.Partition), 10)},
		{HeaderOffset, strconv.FormatInt(l.Source.Offset, 10)},
		{HeaderStage, l.Stage},
		{HeaderMessage, l.Detail},
		{HeaderReason, string(l.Reason)},
		{HeaderEventID, l.EventID},
		{HeaderRecordID, l.RecordID.String()},
	})
}

// offsetsHeader is none where the letter stands for a message.
func (l *Letter) offsetsHeader() []sarama.RecordHeader {
	if l.Offsets == 0 {
		return nil
	}
	return headers([][2]string{{HeaderOffsets, strconv.FormatInt(l.Offsets, 10)}})
}

// cutHeaders describe what the message leaves out.
func (l *Letter) cutHeaders() []sarama.RecordHeader {
	var cut [][2]string
	if len(l.Value) > MaxValue {
		sum := sha256.Sum256(l.Value)
		cut = append(cut, [2]string{HeaderLength, strconv.Itoa(len(l.Value))},
			[2]string{HeaderSHA256, hex.EncodeToString(sum[:])})
	}
	if len(l.Key) > MaxKey {
		cut = append(cut, [2]string{HeaderKeyLength, strconv.Itoa(len(l.Key))})
	}
	if headersSize(l.Headers) > MaxHeaders {
		cut = append(cut, [2]string{HeaderDropped, strconv.Itoa(len(l.Headers))})
	}
	return headers(cut)
}

func headersSize(headers []sarama.RecordHeader) (size int) {
	for _, h := range headers {
		size += len(h.Key) + len(h.Value) + headerOverhead
	}
	return size
}

// headers makes headers of names and values with a single allocation for the text.
func headers(pairs [][2]string) []sarama.RecordHeader {
	size := 0
	for i, pair := range pairs {
		if len(pair[1]) > MaxText {
			pairs[i][1] = strings.ToValidUTF8(pair[1][:MaxText], "")
		}
		size += len(pair[0]) + len(pairs[i][1])
	}
	space, out := make([]byte, 0, size), make([]sarama.RecordHeader, len(pairs))
	take := func(text string) []byte {
		start := len(space)
		space = append(space, text...)
		return space[start:len(space):len(space)]
	}
	for i, pair := range pairs {
		out[i] = sarama.RecordHeader{Key: take(pair[0]), Value: take(pair[1])}
	}
	return out
}
