package rows

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// digest is the chain of hashes that the ids come from.
type digest struct {
	sum     [sha256.Size]byte
	scratch []byte
}

func (d *digest) header(cells []string) { d.hash(nil, cells) }

func (d *digest) row(cells []string) uuid.UUID {
	d.hash(d.sum[:], cells)
	id := uuid.UUID(d.sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id
}

func (d *digest) hash(before []byte, cells []string) {
	b := append(d.scratch[:0], before...)
	for _, cell := range cells {
		b = binary.AppendUvarint(b, uint64(len(cell)))
		b = append(b, cell...)
	}
	d.sum, d.scratch = sha256.Sum256(b), b
}
