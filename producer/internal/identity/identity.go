// Package identity derives the event_id of an imported event, so that importing
// the same again adds nothing, in whatever order the rows come and whatever
// else has been added to the file.
//
// The id is a UUID of version 5 (RFC 9562) in a namespace of its own. Its name
// is, with ‖ for concatenation and a number as 8 bytes, highest first:
//
//	length of source in bytes ‖ source ‖ content ‖ k
//
// source is what the person calls the origin of the file. content is the
// event's JSON form after mapping and normalising, without the braces around it
// and without event_id and imported_at; or, where columns were named that
// identify a row, their texts, each behind its length. k counts the events of
// one import that have this content, from 0: rows that repeat each other are
// events of their own. With columns that identify a row k is 0.
//
// Ids are stored in people's databases: the derivation can never change.
package identity

import (
	"crypto/sha1"
	"encoding/binary"

	"github.com/google/uuid"
)

var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("purchases/import"))

// AppendTexts appends the content of texts that identify a row.
func AppendTexts(b []byte, texts []string) []byte {
	for _, text := range texts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

// Deriver derives ids. It is not safe for concurrent use.
type Deriver struct {
	prefix int
	name   []byte
}

// NewDeriver returns a deriver for one source.
func NewDeriver(source string) *Deriver {
	name := append([]byte(nil), namespace[:]...)
	name = binary.BigEndian.AppendUint64(name, uint64(len(source)))
	name = append(name, source...)
	return &Deriver{prefix: len(name), name: name}
}

// ID is the id of the event with this content before which k others had it.
func (d *Deriver) ID(content []byte, k uint64) uuid.UUID {
	d.name = append(d.name[:d.prefix], content...)
	d.name = binary.BigEndian.AppendUint64(d.name, k)
	sum := sha1.Sum(d.name)
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 5<<4
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id
}
