package batch

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// The checksum of a partition is the sum modulo 2^64 of a hash of every stored
// row whose record stands in it. A sum does not depend on the order of the rows,
// and a row can be taken off it. Names stand in the hash as text, so that a
// change to a table of names is found, too.

// Place is where a record stands.
type Place struct {
	Partition int32
	Offset    int64
}

// Kinds of rows: the same values in two tables give two hashes.
const (
	eventRow = iota + 1
	rejectedRow
	duplicateRow
	retractionRow
	retractedRow
	exampleRow
	expiredRow
)

// encoder makes bytes of a row, each value with its length or of a fixed size.
type encoder []byte

func begin(space []byte, kind byte, p Place) encoder {
	return encoder(append(space, kind)).int(int64(p.Partition)).int(p.Offset)
}

func (b encoder) int(n int64) encoder    { return binary.BigEndian.AppendUint64(b, uint64(n)) }
func (b encoder) id(id [16]byte) encoder { return append(b, id[:]...) }

func (b encoder) text(s string) encoder { return append(b.int(int64(len(s))), s...) }

func (b encoder) bool(is bool) encoder {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
}

func (b encoder) sum() uint64 { return xxhash.Sum64(b) }

// EventChecksum is the event's part of its partition's checksum.
func EventChecksum(p Place, e *Event) uint64 {
	var space [384]byte
	return begin(space[:0], eventRow, p).int(e.OccurredAt).id(e.ID).text(e.GivenID).text(e.User).text(e.Item).
		text(e.OrderNumber).
		int(e.Quantity).bool(e.HasAmount).int(e.Amount).text(e.Currency).text(e.Attributes).int(e.ImportedAt).
		int(e.ProcessedAt).sum()
}

// RejectedChecksum is that of a rejected record. detail is what the database
// keeps of its detail.
func RejectedChecksum(p Place, topic string, r *Rejection, detail string) uint64 {
	var space [384]byte
	return begin(space[:0], rejectedRow, p).text(topic).id(r.RecordID).text(r.Reason).text(detail).int(r.RejectedAt).
		text(r.Source.Topic).int(int64(r.Source.Partition)).int(r.Source.Offset).sum()
}

// DuplicateChecksum is that of a duplicate. occurredAt is 0 for a dead letter.
func DuplicateChecksum(p Place, topic string, id Identity, isConflict bool) uint64 {
	var space [128]byte
	return begin(space[:0], duplicateRow, p).text(topic).int(id.OccurredAt).id(id.ID).bool(isConflict).sum()
}

// RetractionChecksum is that of a retraction.
func RetractionChecksum(p Place, r *Retraction) uint64 {
	var space [128]byte
	return begin(space[:0], retractionRow, p).int(r.OccurredAt).id(r.ID).int(r.RetractedAt).sum()
}

// RetractedChecksum is that of an event that was taken back.
func RetractedChecksum(p Place, id Identity) uint64 {
	var space [128]byte
	return begin(space[:0], retractedRow, p).int(id.OccurredAt).id(id.ID).sum()
}

// ExampleChecksum is that of the example that a rejected record is.
func ExampleChecksum(p Place, r *Rejection) uint64 {
	var space [768]byte
	return begin(space[:0], exampleRow, p).id(r.RecordID).text(r.Reason).text(string(r.Value)).sum()
}

// ExpiredChecksum is that of a letter of expired offsets.
func ExpiredChecksum(p Place, topic string, e *Expired) uint64 {
	var space [128]byte
	return begin(space[:0], expiredRow, p).text(topic).
		text(e.Topic).int(int64(e.Partition)).int(e.Offset).int(e.Offsets).int(e.RecordedAt).sum()
}
