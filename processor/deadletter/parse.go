package deadletter

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"purchases/processor/enriched"
	"purchases/producer/purchase"
)

// Flat holds our headers of a letter, for readers of many letters per second. Its
// texts are parts of the message.
type Flat struct {
	Reason, Detail, Stage, EventID []byte // see [Letter]
	RecordID                       uuid.UUID
	SourceTopic                    []byte
	SourcePartition                int32
	SourceOffset                   int64
	Offsets                        int64 // see [Letter]
	Cut                            bool  // see [Letter.Cut]
}

// Parse reads a message of the dead-letter topic. A message without our reason,
// ids or source is an error. Original headers may have our names, for example if a
// dead letter was sent again. They stay original headers, because ours come last.
func Parse(m *sarama.ConsumerMessage) (Letter, error) {
	var f Flat
	err := f.Parse(m)
	return Letter{
		Reason: purchase.Reason(f.Reason), Detail: string(f.Detail), Stage: string(f.Stage),
		EventID: string(f.EventID), RecordID: f.RecordID,
		Source:  enriched.Source{Topic: string(f.SourceTopic), Partition: f.SourcePartition, Offset: f.SourceOffset},
		Offsets: f.Offsets,
		Key:     m.Key, Value: m.Value, Headers: originals(m.Headers), Cut: f.Cut,
	}, err
}

// Parse is the function [Parse] without the original headers. It does not
// allocate.
func (f *Flat) Parse(m *sarama.ConsumerMessage) error {
	var own ownHeaders
	for _, h := range m.Headers[firstOwn(m.Headers):] {
		if value := own.named(h.Key); value != nil {
			*value = h.Value
		}
	}
	*f = Flat{
		Reason: own.reason, Detail: own.message, Stage: own.stage, EventID: own.eventID, SourceTopic: own.topic,
		Cut: len(own.length)+len(own.keyLength)+len(own.dropped) > 0,
	}
	if len(f.Reason) == 0 || len(f.EventID) == 0 || len(f.SourceTopic) == 0 {
		return fmt.Errorf("dead letter %s/%d/%d lacks the header %s, %s or %s",
			m.Topic, m.Partition, m.Offset, HeaderReason, HeaderEventID, HeaderTopic)
	}
	var err error
	if f.RecordID, err = uuid.ParseBytes(own.recordID); err != nil {
		return fmt.Errorf("dead letter %s/%d/%d: header %s: %w", m.Topic, m.Partition, m.Offset, HeaderRecordID, err)
	}
	if err = f.parsePosition(own.partition, own.offset); err == nil {
		err = f.parseOffsets(own.offsets)
	}
	if err != nil {
		return fmt.Errorf("dead letter %s/%d/%d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	return nil
}

func (f *Flat) parsePosition(partition, offset []byte) error {
	p, err := strconv.ParseUint(string(partition), 10, 31)
	if err != nil {
		return fmt.Errorf("header %s: %w", HeaderPartition, err)
	}
	o, err := strconv.ParseUint(string(offset), 10, 63)
	if err != nil {
		return fmt.Errorf("header %s: %w", HeaderOffset, err)
	}
	f.SourcePartition, f.SourceOffset = int32(p), int64(o)
	return nil
}

// ownHeaders are the values of our headers.
type ownHeaders struct {
	topic, partition, offset, stage, message, reason, eventID, recordID, length, keyLength, dropped, offsets []byte
}

// named returns where the header's value belongs, or nil if it is not ours.
func (o *ownHeaders) named(header []byte) *[]byte {
	switch string(header) {
	case HeaderTopic:
		return &o.topic
	case HeaderPartition:
		return &o.partition
	case HeaderOffset:
		return &o.offset
	case HeaderStage:
		return &o.stage
	case HeaderMessage:
		return &o.message
	case HeaderReason:
		return &o.reason
	case HeaderEventID:
		return &o.eventID
	case HeaderRecordID:
		return &o.recordID
	case HeaderLength:
		return &o.length
	case HeaderKeyLength:
		return &o.keyLength
	case HeaderDropped:
		return &o.dropped
	case HeaderOffsets:
		return &o.offsets
	}
	return nil
}

// firstOwn returns where our headers begin.
func firstOwn(headers []*sarama.RecordHeader) int {
	for i := len(headers) - 1; i > 0; i-- {
		if string(headers[i].Key) == HeaderTopic {
			return i
		}
	}
	return 0
}

// originals are the headers that are not ours, including those that a mirror added
// after ours.
func originals(headers []*sarama.RecordHeader) (list []sarama.RecordHeader) {
	first := firstOwn(headers)
	for i, h := range headers {
		if i < first || !isOwn(h.Key) {
			list = append(list, *h)
		}
	}
	return list
}

func isOwn(name []byte) bool {
	return bytes.HasPrefix(name, []byte("__connect.errors.")) || bytes.HasPrefix(name, []byte("purchases."))
}
