package store

import (
	"cmp"
	"fmt"

	"purchases/producer/purchase"
)

// Partition names one log.
type Partition struct {
	Topic     string
	Partition int32
}

// Compare orders by topic, then by partition.
func (p Partition) Compare(other Partition) int {
	return cmp.Or(cmp.Compare(p.Topic, other.Topic), cmp.Compare(p.Partition, other.Partition))
}

func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// Chunk is what was read from one partition in one go.
type Chunk struct {
	Partition
	// From is the position at which reading began, Next the one at which it
	// goes on: the last record's offset + 1.
	From, Next int64
	Records    []Record
	// Last is the last record's fingerprint, nil when there is none.
	Last *Fingerprint
	// HighWatermark is the log's end as it was last seen: the offset that its
	// next record would get; 0 when unknown.
	HighWatermark int64
	// Gap says that the offsets from From to Next have expired, that there are
	// no records, and that this is to be recorded.
	Gap bool
}

// Records is how many records the chunks hold.
func Records(chunks []Chunk) (n int) {
	for _, c := range chunks {
		n += len(c.Records)
	}
	return n
}

// Fingerprint is what a record is known again by.
type Fingerprint struct {
	Offset    int64
	Timestamp int64  // given by Kafka, milliseconds since 1970 UTC
	CRC       uint32 // CRC-32C of its key followed by its value
}

// Record is one message: an event, or a rejection where Rejection is not nil.
type Record struct {
	Offset    int64
	Event     Event
	Rejection *Rejection
}

// Event is a valid event in the units of the table events.
type Event struct {
	OccurredAt, ProcessedAt int64 // milliseconds since 1970 UTC
	ID                      [16]byte
	User, Item              string
	ItemName                string // empty when unknown
	OrderNumber             string // empty when unknown
	Currency                string // empty when unknown
	Attributes              string // JSON object with sorted names, empty when there are none
	Quantity                int64  // never 0
	UnitPrice               int64  // micros, when HasPrice
	HasPrice                bool

	// Where the record stood that the processor made the event of; SourceTopic
	// is empty when unknown.
	SourceTopic     string
	SourcePartition int32
	SourceOffset    int64
}

// Rejection is a record that is no event, in the units of the table rejected.
type Rejection struct {
	ID              [16]byte
	Reason, Detail  string
	RejectedAt      int64 // milliseconds since 1970 UTC
	SourceTopic     string
	SourcePartition int32
	SourceOffset    int64
	Value           []byte // at most MaxRejectedValue bytes
}

// MaxRejectedValue is how many bytes of a rejected record are kept.
const MaxRejectedValue = 512

// amount returns |quantity| × unit price; the contract of the topic bounds it.
func (e *Event) amount() int64 { return max(e.Quantity, -e.Quantity) * e.UnitPrice }

func (e *Event) refuse(p Partition, offset int64, detail string) *Rejection {
	return &Rejection{
		ID: e.ID, Reason: string(purchase.AmountTooLarge), Detail: detail, RejectedAt: e.ProcessedAt,
		SourceTopic: p.Topic, SourcePartition: p.Partition, SourceOffset: offset,
	}
}

// recordKey is what identifies a record: the key of the table events, or the
// identity alone of the table rejected.
type recordKey struct {
	rejected   bool
	occurredAt int64
	id         [16]byte
}

func (r *Record) key() recordKey {
	if r.Rejection != nil {
		return recordKey{rejected: true, id: r.Rejection.ID}
	}
	return recordKey{occurredAt: r.Event.OccurredAt, id: r.Event.ID}
}
