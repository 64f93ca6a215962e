// Package batch prepares what one transaction is to store: the records of some
// partitions, put in order and summed up as far as that goes without a database.
// Names are numbers in it that have a meaning in this batch only. A store resolves
// them to its own, and writes.
package batch

import (
	"cmp"
	"fmt"
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
	// continues: the last record's offset + 1.
	From, Next int64
	Records    []Record
	// Last is the last record's fingerprint, nil when there is none.
	Last *Fingerprint
	// HighWatermark is the log's end as it was last seen: the offset that its
	// next record will get; 0 when unknown.
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

// Fingerprint recognises a record.
type Fingerprint struct {
	Offset    int64
	Timestamp int64  // given by Kafka, milliseconds since 1970 UTC
	CRC       uint32 // CRC-32C of its key followed by its value
}

// Record is one message: an event, or one of the others where it is not nil.
type Record struct {
	Offset     int64
	Event      Event
	Rejection  *Rejection
	Retraction *Retraction
	Expired    *Expired
}

// Source is the position of the record that the processor made a record of. Its
// topic is empty when unknown.
type Source struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Identity identifies an event.
type Identity struct {
	OccurredAt int64 // milliseconds since 1970 UTC
	ID         [16]byte
}

// Event is a valid event in the units of the table events.
type Event struct {
	Identity
	ProcessedAt int64  // milliseconds since 1970 UTC
	ImportedAt  int64  // the same, 0 when it was not imported
	GivenID     string // event_id as it was given, empty where ID is that
	User, Item  string
	ItemName    string // empty when unknown
	OrderNumber string // empty when unknown
	Currency    string // empty when unknown
	Attributes  string // JSON object with sorted names, empty when there are none
	Quantity    int64  // never 0
	Amount      int64  // micros, negative for a return, 0 without HasAmount
	HasAmount   bool
	Source      Source
}

// SameContent says whether the other event says the same. The item's name may
// differ, and when the two were processed or imported.
func (e *Event) SameContent(o *Event) bool {
	return e.Identity == o.Identity && e.GivenID == o.GivenID && e.User == o.User && e.Item == o.Item &&
		e.OrderNumber == o.OrderNumber &&
		e.Currency == o.Currency && e.Attributes == o.Attributes && e.Quantity == o.Quantity && e.Amount == o.Amount &&
		e.HasAmount == o.HasAmount
}

// Retraction takes the event with its identity back.
type Retraction struct {
	Identity
	RetractedAt int64 // when it was issued, milliseconds since 1970 UTC; 0 when it does not say
	Source      Source
}

// TakesBack says whether the event's record, imported at that time, is taken
// back: unless it was imported after the retraction was issued.
func (r *Retraction) TakesBack(importedAt int64) bool {
	return importedAt == 0 || r.RetractedAt == 0 || importedAt <= r.RetractedAt
}

// Expired is a dead letter of offsets that had expired before the processor read
// them.
type Expired struct {
	Source     // the first of them
	Offsets    int64
	RecordedAt int64 // milliseconds since 1970 UTC
}

// Last is the last of the offsets.
func (e *Expired) Last() int64 { return e.Offset + e.Offsets - 1 }

// MaxRejectedValue is how many bytes of a rejected record an example keeps.
const MaxRejectedValue = 512

// Rejection is a record that is no event, in the units of the table rejected.
type Rejection struct {
	RecordID       [16]byte // of its position: see purchase.DerivedID
	Reason, Detail string
	RejectedAt     int64 // milliseconds since 1970 UTC
	Source         Source
	Value          []byte // at most MaxRejectedValue bytes
}
